"""Numbers as people write and read them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from rnncli.commands.values import big_number, memory_size
from rnncli.quantities import memory, parse_memory, ratio_text


def test_a_size_is_read_as_printed_or_in_bytes() -> None:
    sizes = {"4096": 4096, "1_000": 1000, "7B": 7, "512KB": 512 * 1024, "4MB": 4 * 1024**2, "4 mb": 4 * 1024**2}
    sizes |= {"4MiB": 4 * 1024**2, "1.5GB": 3 * 1024**3 // 2, "0.3KB": 307, "2TB": 2 * 1024**4}
    assert {text: parse_memory(text) for text in sizes} == sizes


def test_an_option_accepts_a_number_or_a_size_as_tables_print_it() -> None:
    numbers = dict.fromkeys(("92,400", "92 400", "92_400", "92'400", "92\u2019400", "92\u202f400"), 92_400)
    numbers |= {"1,234,567": 1_234_567, "5.4M": 5_400_000, "12k": 12_000, "92_40": 9_240}  # a spec reads the last, too
    assert {text: big_number.read(text) for text in numbers} == numbers
    sizes = {"1,024 KB": 2**20, "1 024KB": 2**20, "1'024.5 KB": 2**20 + 512}
    assert {text: memory_size.read(text) for text in sizes} == sizes


@given(st.integers(1, 10**24), st.sampled_from(",_' "))
def test_a_number_with_pythons_thousands_separators_is_that_number(number: int, apart: str) -> None:
    assert big_number.read(f"{number:,}".replace(",", apart)) == number


@example(1024**5 - 1)
@given(st.integers(0, 10**24))
def test_a_printed_number_reads_back_to_the_same_print(size: int) -> None:
    assert memory(parse_memory(memory(size))) == memory(size)


def test_a_ratio_has_three_digits_and_all_of_them_from_a_thousand_and_near_1() -> None:
    texts = "? 0.00203 0.5 0.99997 1 1.000000001 1.003 1.01 3.12 49.9 999 1,000 1,598 2,147,483,647"
    numbers = (None, 0.002034, 0.5, 0.99997, 1, 1 + 1e-9, 1.0033, 1.0096, 3.125, 49.94, 999.4, 999.6, 1597.6, 2**31 - 1)
    assert [ratio_text(number) for number in numbers] == texts.split(" ")
