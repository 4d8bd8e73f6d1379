/* What every program here is made of: checks that say what failed, and what is done about it (the
 * program ends with 1, in whatever thread or child it was). Include it first. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#ifdef __MINGW32__ /* formats are C's, whatever Microsoft's library thinks of them */
#  define __USE_MINGW_ANSI_STDIO 1
#endif

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pytramp.h"

#ifdef __MINGW32__
#  define CHECK_FORMAT(text, first) __attribute__((format(__MINGW_PRINTF_FORMAT, text, first)))
#  define alarm(seconds)            ((void)(seconds)) /* who runs this program has a limit, too */
#else
#  define CHECK_FORMAT(text, first) __attribute__((format(printf, text, first)))
#endif

/* CHECK(a == b, "after %d frees", n) */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) check_failed(__FILE__, __LINE__, #condition, __VA_ARGS__);               \
    } while (0)

#define CHECK_STATUS(call, expected) check_status(__FILE__, __LINE__, #call, (call), (expected))
#define CHECK_OK(call)               CHECK_STATUS(call, PYTRAMP_OK)

/* The end of every program that uses the pool, and wherever nothing else runs. */
#define CHECK_POOL() check_pool(__FILE__, __LINE__)

#define COUNT(array) (sizeof(array) / sizeof *(array))

_Noreturn CHECK_FORMAT(4, 5)
    __attribute__((unused)) static void check_failed(const char *file, int line,
                                                     const char *condition, const char *format,
                                                     ...) {
    va_list more;
    char text[1024];
    va_start(more, format);
    vsnprintf(text, sizeof text, format, more);
    va_end(more);
    fflush(stdout);
    fprintf(stderr, "%s:%d: FAILED: %s: %s\n", file, line, condition, text);
    fflush(stderr);
    _exit(1);
}

__attribute__((unused)) static void check_status(const char *file, int line, const char *call,
                                                 pytramp_status status, pytramp_status expected) {
    if (status == expected) return;
    char why[512];
    pytramp_growth_error(why, sizeof why);
    check_failed(file, line, call, "gives %d (%s), not %d (%s); growth: '%s'", (int)status,
                 pytramp_status_text(status), (int)expected, pytramp_status_text(expected), why);
}

__attribute__((unused)) static void check_pool(const char *file, int line) {
    char text[256] = "";
    pytramp_status status = pytramp_pool_check(text, sizeof text);
    if (status) check_failed(file, line, "pytramp_pool_check", "%d: %s", (int)status, text);
}

/* What was done, as a line of the program's report. */
CHECK_FORMAT(1, 2) __attribute__((unused)) static void say(const char *format, ...) {
    va_list more;
    va_start(more, format);
    vprintf(format, more);
    va_end(more);
    putchar('\n');
    fflush(stdout);
}

/* Ends the program as a success that tested nothing; test_c.py shows the reason. */
_Noreturn CHECK_FORMAT(1, 2) __attribute__((unused)) static void skip(const char *format, ...) {
    va_list more;
    printf("SKIP: ");
    va_start(more, format);
    vprintf(format, more);
    va_end(more);
    putchar('\n');
    fflush(stdout);
    _exit(0);
}

/* xorshift64: the same numbers in every run; state may not be 0. */
__attribute__((unused)) static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
