/* The reset handler of a Cortex-M4, which runs before newlib's start-up code. */
#include <stdint.h>

extern uint32_t stack_top;
void _start(void);

static void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: enable the floating-point unit */
    __asm__ volatile("dsb; isb");
    _start();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_top, (const void *)reset};
