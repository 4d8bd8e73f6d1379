/* embed LIBRARY WHEN ERROR PROGRAM...: a C program that has Python only now and then.

   Each PROGRAM runs in an interpreter of its own, one after another, and leaves a callback's
   address behind. WHEN says when C calls: inside that interpreter, after its end, inside the next
   one, in a thread that outlives them all, or always. ERROR is what a callback must give whose
   interpreter has ended. */

#include <Python.h>
#include <dlfcn.h>

typedef int (*function)(int);

static int (*worker_call)(function, int);

static int start_worker(const char *path) {
    void *library = dlopen(path, RTLD_NOW);
    if (!library) return -1;
    int (*worker_start)(void) = (int (*)(void))dlsym(library, "worker_start");
    worker_call = (int (*)(function, int))dlsym(library, "worker_call");
    return worker_start();
}

static void check(const char *where, int result, int expected) {
    if (result == expected)
        printf("right\n");
    else if (result > 2)
        printf("wrong answer: another callback runs\n");
    else
        printf("wrong answer: %s: got %d\n", where, result);
    fflush(stdout);
}

static function run(const char *program) {
    Py_InitializeEx(0);
    if (PyRun_SimpleString(program)) return NULL;
    PyObject *address = PyObject_GetAttrString(PyImport_AddModule("__main__"), "address");
    function made = (function)PyLong_AsVoidPtr(address);
    Py_XDECREF(address);
    return made;
}

static int is(const char *when, const char *one) {
    return strcmp(when, one) == 0 || strcmp(when, "always") == 0;
}

int main(int argc, char **argv) {
    if (argc < 5 || start_worker(argv[1])) return 2;
    const char *when = argv[2];
    int error = atoi(argv[3]);
    function old = NULL;
    for (int i = 4; i < argc; i++) {
        function now = run(argv[i]);
        if (!now) {
            printf("refused: ImportError\n");
            return 0;
        }
        PyThreadState *state = PyEval_SaveThread();
        if (is(when, "inside")) check("inside", now(1), 2);
        if (is(when, "next") && old) check("in the next interpreter", old(1), error);
        if (is(when, "thread")) check("in the thread", worker_call(now, 1), 2);
        PyEval_RestoreThread(state);
        if (Py_FinalizeEx() < 0) return 2;
        if (is(when, "after")) check("after Py_FinalizeEx", now(1), error);
        if (is(when, "thread")) check("in the thread", worker_call(now, 1), error);
        old = now;
    }
    return 0;
}
