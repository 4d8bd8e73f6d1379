/* Windows: the module's own file, mapped once more as the loader maps it.
 *
 * The view of an image section has the protections that the file's sections ask for: code is
 * executable and not writable, .bss is zeroed and private to the view. All of it moves together, so
 * the built-in stubs of the view read the built-in slots of the view; they hold no address that a
 * relocation would change. It is no dynamic code to the policies of a process (ACG). */
#include "../config.h"
#ifdef PT_OS_WINDOWS

#  if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0602
#    undef _WIN32_WINNT
#    define _WIN32_WINNT 0x0602 /* Windows 8: GetCurrentThreadStackLimits */
#  endif
#  include "../pages.h"

#  include <errno.h>
#  include <windows.h>

#  include "../stubs.h"

/* Older headers lack the names. */
#  ifndef ERROR_INVALID_IMAGE_HASH
#    define ERROR_INVALID_IMAGE_HASH 577
#  endif
#  ifndef ERROR_DYNAMIC_CODE_BLOCKED
#    define ERROR_DYNAMIC_CODE_BLOCKED 1655
#  endif

static_assert(PT_BUILTIN_UNITS == 1, "a view holds as many stubs as the module itself");

unsigned long pt_pages_last_error(void) {
    return GetLastError();
}

void pt_pages_set_last_error(unsigned long error) {
    SetLastError(error);
}

/* ---- The module ---- */

#  define MOST_OF_A_PATH 32768 /* characters: what \\?\ allows */

/* Found when it is loaded: no loader lock is taken inside pytramp_alloc. */
static struct module {
    unsigned char *base;
    wchar_t path[MOST_OF_A_PATH];
} self;

/* PIN: it stays loaded, for C may hold addresses in it. */
__attribute__((constructor)) static void find_self(void) {
    DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    DWORD saved = GetLastError();
    HMODULE module;
    if (GetModuleHandleExW(flags, (LPCWSTR)(uintptr_t)pt_builtin_code, &module)) {
        self.base = (unsigned char *)module;
        DWORD n = GetModuleFileNameW(module, self.path, MOST_OF_A_PATH);
        if (n == MOST_OF_A_PATH) self.path[0] = 0; /* cut off */
    }
    SetLastError(saved);
}

/* ---- Failures: errno's numbers, as the C library translates them, for those that can be ---- */

static int errno_of(DWORD error) {
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return ENOENT;
    case ERROR_TOO_MANY_OPEN_FILES: return EMFILE;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION: return EACCES;
    case ERROR_DYNAMIC_CODE_BLOCKED: return EPERM;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_COMMITMENT_LIMIT: return ENOMEM;
    case ERROR_BAD_EXE_FORMAT:
    case ERROR_INVALID_IMAGE_HASH: return ENOEXEC;
    default: return EINVAL;
    }
}

static const char *failed(const char *what) {
    errno = errno_of(GetLastError());
    return what;
}

/* ---- The step ---- */

static const char *open_image(HANDLE *section) {
    errno = 0;
    if (!self.path[0]) return "the module's file has no path";
    HANDLE file = CreateFileW(self.path, GENERIC_READ | GENERIC_EXECUTE,
                              FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) return failed("CreateFile of the module's file");
    *section = CreateFileMappingW(file, NULL, PAGE_EXECUTE_READ | SEC_IMAGE, 0, 0, NULL);
    const char *why = *section ? NULL : failed("CreateFileMapping(SEC_IMAGE)");
    CloseHandle(file);
    return why;
}

static const char *map_image(unsigned char **view) {
    HANDLE section = NULL;
    const char *why = open_image(&section);
    if (why) return why;
    *view = MapViewOfFile(section, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, 0);
    if (!*view) why = failed("MapViewOfFile of the image");
    CloseHandle(section);
    return why;
}

/* Do size bytes at `at` belong to the view, all of them with one of these protections? */
static int is_of(const unsigned char *view, const unsigned char *at, size_t size,
                 DWORD protections) {
    const unsigned char *end = at + size;
    while (at < end) {
        MEMORY_BASIC_INFORMATION region;
        if (!VirtualQuery(at, &region, sizeof region)) return 0;
        if (region.AllocationBase != view || region.Type != MEM_IMAGE) return 0;
        if (region.Protect & ~protections) return 0;
        at = (unsigned char *)region.BaseAddress + region.RegionSize;
    }
    return 1;
}

static unsigned char *in_view(unsigned char *view, const void *of_module) {
    return view + ((const unsigned char *)of_module - self.base);
}

/* By now something else may have that path: what is not as expected is not even looked at. */
static const char *check_view(unsigned char *view) {
    errno = 0;
    if (!is_of(view, in_view(view, pt_template_code), PT_UNIT, PAGE_EXECUTE_READ))
        return "the module's file was replaced, or its code is not mapped as such";
    if (!is_of(view, in_view(view, pt_builtin_slots), sizeof pt_builtin_slots,
               PAGE_READWRITE | PAGE_WRITECOPY))
        return "the module's file was replaced, or its data is not mapped as such";
    return NULL;
}

static const char *copy_image(void **copy, void *at, const unsigned char *template, size_t size) {
    (void)at, (void)size;
    unsigned char *view;
    const char *why = map_image(&view);
    if (why) return why;
    why = check_view(view);
    if (why)
        UnmapViewOfFile(view);
    else
        *copy = in_view(view, template);
    return why;
}

const struct pt_growth_step pt_growth_steps[] = {
    {PYTRAMP_GROW_FILE, "file", copy_image},
    {0, NULL, NULL},
};

const char *pt_pages_pair(const struct pt_growth_step *step, struct pt_pair *pair,
                          const unsigned char *template, size_t size) {
    void *copy;
    DWORD saved = GetLastError();
    const char *why = step->copy(&copy, NULL, template, size);
    SetLastError(saved);
    if (why) return why;
    unsigned char *view = (unsigned char *)copy - (template - self.base);
    pair->code = copy;
    pair->slots = (struct pt_slot *)(void *)in_view(view, pt_builtin_slots);
    return NULL;
}

void pt_pages_release(const struct pt_pair *pair, size_t size) {
    (void)size;
    UnmapViewOfFile(pair->code - (pt_template_code - self.base));
}

/* ---- Plain memory ---- */

void *pt_pages_zeroed(size_t size) {
    DWORD saved = GetLastError();
    void *at = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!at) failed("VirtualAlloc");
    SetLastError(saved);
    return at;
}

void pt_pages_drop(void *at, size_t size) {
    (void)size;
    VirtualFree(at, 0, MEM_RELEASE);
}

/* ---- Threads ---- */

unsigned pt_pages_cpu(void) {
    return GetCurrentProcessorNumber();
}

uintptr_t pt_pages_thread(void) {
    return GetCurrentThreadId();
}

void pt_pages_yield(void) {
    SwitchToThread();
}

/* TerminateThread is no cancellation, and nothing can be held against it. */
int pt_pages_refuse_cancel(void) {
    return 0;
}

void pt_pages_allow_cancel(int before) {
    (void)before;
}

/* The last pages are never handed out: they hold what handles the overflow. */
#  define GUARD 16384

int pt_pages_stack(uintptr_t *low, size_t *size) {
    ULONG_PTR start, end;
    GetCurrentThreadStackLimits(&start, &end);
    if (end - start <= GUARD) return 0;
    *low = start + GUARD;
    *size = end - start - GUARD;
    return 1;
}

/* There is no fork. */
void pt_pages_after_fork(void (*child)(void)) {
    (void)child;
}

#endif
