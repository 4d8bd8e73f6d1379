/* loader_windows <dll> <test>: runs main of a DLL that holds tests and the core, which keeps the
 * DLL where it is: C may hold addresses in it. */
#include "check.h"

#include <windows.h>

int main(int argc, char **argv) {
    CHECK(argc > 2, "which DLL, which test?");
    HMODULE library = LoadLibraryA(argv[1]);
    CHECK(library, "LoadLibrary: error %lu", GetLastError());
    int (*run)(int, char **) = (int (*)(int, char **))(uintptr_t)GetProcAddress(library, "main");
    CHECK(run, "GetProcAddress: error %lu", GetLastError());
    for (int i = 0; i < 5; i++)
        FreeLibrary(library);
    CHECK(GetModuleHandleA(argv[1]) == library, "the DLL was unloaded");
    return run(argc - 1, argv + 1);
}
