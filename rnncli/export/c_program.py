"""A program in C that runs a network: it reads timesteps from standard input, and writes rows of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.export.c import Source

_READ = """\
#include <stdio.h>
#include <stdlib.h>

/* Reads a timestep: 1 if there is one, 0 at the end of standard input, -1 if it is wrong. */
static int read_step(TYPE *x)
{
    for (int j = 0; j < NAME_INPUTS; j++) {
        const int found = scanf("FORMAT%*[,]", &x[j]);
        if (found == EOF && j == 0) {
            return 0;
        }
        if (found != 1WRONG) {
            fputs("expected EXPECTED a line\\n", stderr);
            return -1;
        }
    }
    return 1;
}

static void write_row(const float *y)
{
    for (int j = 0; j < NAME_OUTPUTS; j++) {
        printf("%.9g%c", (double)y[j], j + 1 < NAME_OUTPUTS ? ' ' : '\\n');
    }
}
"""

_EACH = """
int main(void)
{
    static name_state state;
    static TYPE x[NAME_INPUTS];
    static float y[NAME_OUTPUTS];
    int found;

    name_reset(&state);
    while ((found = read_step(x)) == 1) {
        name_step(&state, READ, y);
        write_row(y);
    }
    return found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
"""

_AT_THE_END = """
int main(void)
{
    static name_state state;
    static TYPE x[NAME_INPUTS];
    static float y[NAME_OUTPUTS];
    int found, timesteps = 0;

    name_reset(&state);
    while ((found = read_step(x)) == 1) {
        name_step(&state, READ, y);
        timesteps = 1;
    }
    WHILE (found == 0 && timesteps > 0MORE) {
        write_row(y);
    }
    return found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
"""

_AT_ONCE = """
int main(void)
{
    TYPE *x = NULL;
    size_t timesteps = 0, room = 0;
    int found;

    do {
        if (timesteps == room) {
            room = 2 * room + 64;
            x = realloc(x, room * NAME_INPUTS * sizeof *x);
            if (x == NULL) {
                return EXIT_FAILURE;
            }
        }
        found = read_step(x + timesteps * NAME_INPUTS);
        timesteps += found == 1;
    } while (found == 1);
    float *y = malloc(ROWS * NAME_OUTPUTS * sizeof *y);
    float *workspace = malloc((NAME_WORKSPACE(timesteps) + 1) * sizeof *workspace);
    if (found != 0 || timesteps == 0 || y == NULL || workspace == NULL) {
        return EXIT_FAILURE;
    }
    name_run(x, timesteps, y, workspace);
    for (size_t t = 0; t < ROWS; t++) {
        write_row(y + t * NAME_OUTPUTS);
    }
    return EXIT_SUCCESS;
}
"""


def program_lines(source: Source) -> Iterator[str]:
    """Yield the lines of the program, which stands behind the network."""
    vocabulary = source.job.network.head.vocabulary
    rows = (str(source.phases[-1].times) if source.decodes else "timesteps") if source.returns_sequence else "1"
    parts = {
        "TYPE": "float" if vocabulary is None else "int32_t",
        "FORMAT": "%f" if vocabulary is None else '%" SCNd32 "',
        "WRONG": "" if vocabulary is None else f" || x[j] < 0 || x[j] >= {vocabulary}",
        "EXPECTED": f"{source.inputs} numbers" if vocabulary is None else f"an id from 0 to {vocabulary - 1}",
        "READ": "x" if vocabulary is None else "x[0]",
        "WHILE": "while" if source.decodes else "if",
        "MORE": " && name_next(&state, y)" if source.decodes else "",
        "ROWS": rows,
        "NAME": source.name.upper(),
        "name_": f"{source.name}_",
    }
    by_step = _EACH if source.returns_sequence and not source.decodes else _AT_THE_END
    text = _READ + (by_step if source.by_step else _AT_ONCE)
    for word, value in parts.items():
        text = text.replace(word, value)
    yield text.rstrip("\n")
