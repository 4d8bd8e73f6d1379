/* loader <library> [arguments]: runs main of a shared library that holds a test and the core.
 *
 * The library is opened by a relative path from its own folder, and then the process goes
 * elsewhere: whoever looks for the file later must have found out in time where it lies. */
#include "check.h"

#include <dlfcn.h>
#include <libgen.h>

/* A program that musl was linked into statically, as zig does it, opens none. */
_Noreturn static void no_library(const char *reason) {
    if (!strcmp(reason, "Dynamic loading not supported")) skip("%s", reason);
    check_failed(__FILE__, __LINE__, "dlopen", "%s", reason);
}

int main(int argc, char **argv) {
    CHECK(argc > 1, "which library?");
    char *folder = strdup(argv[1]), *name = strdup(argv[1]), relative[4096];
    snprintf(relative, sizeof relative, "./%s", basename(name));
    CHECK(!chdir(dirname(folder)), "chdir to the folder of %s", argv[1]);
    void *library = dlopen(relative, RTLD_NOW | RTLD_LOCAL);
    if (!library) no_library(dlerror());
    CHECK(!chdir("/"), "chdir");
    int (*run)(int, char **) = (int (*)(int, char **))(uintptr_t)dlsym(library, "main");
    CHECK(run, "%s", dlerror());
    free(folder);
    free(name);
    return run(argc - 1, argv + 1);
}
