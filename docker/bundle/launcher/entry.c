/* The first instructions of the program: they block every signal, before the C library and before Python.
 *
 * The kernel drops a signal for PID 1 of a namespace that has neither a handler nor is blocked; a signal for any
 * other process ends it. A blocked one waits until the event loop has handlers for it. The mask that was there
 * before is kept in `inherited_mask`: a client is not to run deaf.
 */
#include "launcher.h"

unsigned long inherited_mask = 0;

__attribute__((used)) static const unsigned long every_signal = ~0UL;

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl supervice_entry\n"
        ".type supervice_entry, @function\n"
        "supervice_entry:\n"
        "    movl $14, %eax\n" /* rt_sigprocmask(SIG_BLOCK, &every_signal, &inherited_mask, 8) */
        "    xorl %edi, %edi\n"
        "    leaq every_signal(%rip), %rsi\n"
        "    leaq inherited_mask(%rip), %rdx\n"
        "    movl $8, %r10d\n"
        "    syscall\n"
        "    xorl %edx, %edx\n"
        "    jmp _start\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl supervice_entry\n"
        ".type supervice_entry, %function\n"
        "supervice_entry:\n"
        "    mov x8, #135\n"
        "    mov x0, #0\n"
        "    adrp x1, every_signal\n"
        "    add x1, x1, :lo12:every_signal\n"
        "    adrp x2, inherited_mask\n"
        "    add x2, x2, :lo12:inherited_mask\n"
        "    mov x3, #8\n"
        "    svc #0\n"
        "    mov x0, #0\n"
        "    b _start\n");
#else
#error "the launcher knows x86-64 and arm64"
#endif
