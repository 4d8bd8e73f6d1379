#include "threads.h"

#ifdef PT_OS_WINDOWS

#  include <errno.h>
#  include <malloc.h>
#  include <windows.h>

#  include "tstate.h"

static SRWLOCK lock = SRWLOCK_INIT;

void pt_threads_lock(void) {
    AcquireSRWLockExclusive(&lock);
}

void pt_threads_unlock(void) {
    ReleaseSRWLockExclusive(&lock);
}

/* ---- The thread ends ----
 *
 * Fiber-local storage has a callback that runs in the thread that ends and outside of the loader's
 * lock: who gives back a thread state waits for the GIL, and whoever holds that may be loading a
 * DLL. All other ways (DllMain, TLS callbacks, and with them thread_local and winpthreads' keys)
 * run under that lock. */

typedef BOOLEAN(WINAPI *shutdown_query)(void);

static DWORD ending = FLS_OUT_OF_INDEXES;
static void (*at_end)(void);
static shutdown_query is_shutting_down; /* of ntdll; without it, never */

/* The thread that ends the process gets here, too, when all others are gone, and with them perhaps
 * the owner of the GIL. And where a fiber ends, its thread goes on, perhaps within a call. */
static VOID WINAPI storage_ends(void *unused) {
    (void)unused;
    if (is_shutting_down && is_shutting_down()) return;
    if (pt_thread_is_inside())
        pt_threads_watch_end();
    else
        at_end();
}

int pt_threads_at_end(void (*end)(void)) {
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    FARPROC found = ntdll ? GetProcAddress(ntdll, "RtlDllShutdownInProgress") : NULL;
    is_shutting_down = (shutdown_query)(uintptr_t)found;
    at_end = end;
    ending = FlsAlloc(storage_ends);
    return ending == FLS_OUT_OF_INDEXES ? EAGAIN : 0;
}

void pt_threads_watch_end(void) {
    FlsSetValue(ending, &ending); /* any value but NULL has the callback run */
}

/* ---- The rest ---- */

int pt_threads_around_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    (void)before, (void)in_parent, (void)in_child; /* there is no fork */
    return 0;
}

void pt_threads_sleep_a_millisecond(void) {
    Sleep(1);
}

void *pt_threads_allocate(size_t size) {
    return _aligned_malloc(size, PT_OWN_LINES);
}

void pt_threads_free(void *block) {
    _aligned_free(block);
}

#endif
