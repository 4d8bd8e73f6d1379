/* The report comes when the modules are gone and the last collection has run, so that what is left
 * is held by C code, by an object that was leaked, or by a thread that still stands in its frame.
 * Nothing of Python may be called any more but what reads objects; sys.stderr is gone, too. */
#include "leaks.h"

#include <stdio.h>
#include <stdlib.h>

#include "../closure.h"
#include "call.h"
#include "objects.h"

#define SHOWN 100 /* of thousands, the first ones say enough */

int pt_wants_leaks(void) {
    const char *asked = getenv("PYTRAMP_DEBUG");
    if (asked && *asked) return strcmp(asked, "0") != 0;
    PyObject *flags = PySys_GetObject("flags"); /* borrowed */
    PyObject *mode = flags ? PyObject_GetAttrString(flags, "dev_mode") : NULL;
    int is_dev = mode ? PyObject_IsTrue(mode) : 0;
    Py_XDECREF(mode);
    PyErr_Clear();
    return is_dev > 0;
}

static void print_character(Py_UCS4 c) {
    if (c < 0x80) {
        putc((int)c, stderr);
    } else if (c >= 0xd800 && c < 0xe000) {
        fprintf(stderr, "\\u%04x", (unsigned)c);
    } else {
        if (c >= 0x10000) {
            putc((int)(0xf0 | c >> 18), stderr);
            putc((int)(0x80 | (c >> 12 & 0x3f)), stderr);
        } else if (c >= 0x800) {
            putc((int)(0xe0 | c >> 12), stderr);
        }
        putc((int)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6), stderr);
        putc((int)(0x80 | (c & 0x3f)), stderr);
    }
}

/* As UTF-8. Python's own encoder raises, for a lone surrogate, what can no longer be raised. */
static void print_text(PyObject *text) {
    if (!text || !PyUnicode_Check(text)) {
        putc('?', stderr);
        return;
    }
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); i++)
        print_character(PyUnicode_READ_CHAR(text, i));
}

/* pt_closure_name without the attributes that Python code may compute. */
static void print_name(const pt_closure_object *closure) {
    PyObject *callable = closure->callable;
    if (closure->name || !callable) {
        print_text(closure->name);
        return;
    }
    PyObject *function = PyMethod_Check(callable) ? PyMethod_GET_FUNCTION(callable) : callable;
    if (PyFunction_Check(function))
        print_text(((PyFunctionObject *)function)->func_qualname);
    else if (PyCFunction_Check(callable))
        fputs(((PyCFunctionObject *)callable)->m_ml->ml_name, stderr);
    else
        fputs(Py_TYPE(callable)->tp_name, stderr);
}

/* str(signature) is the bindings' work, who may have ended; the types' own spellings live on. */
static void print_signature(const pt_signature_object *signature) {
    fprintf(stderr, "%s (", signature->returns.spelling);
    for (Py_ssize_t i = 0; i < signature->nargs; i++)
        fprintf(stderr, "%s%s", i ? ", " : "", signature->takes[i].spelling);
    fputs(signature->variadic ? ", ...)" : signature->nargs ? ")" : "void)", stderr);
}

static void print_closure(const pt_closure_object *closure) {
    fputs("  '", stderr);
    print_name(closure);
    fputs("' (", stderr);
    print_signature(closure->signature);
    PyCodeObject *code = (PyCodeObject *)closure->made_in;
    if (code) {
        fputs("), made at ", stderr);
        print_text(code->co_filename);
        fprintf(stderr, ":%d\n", PyCode_Addr2Line(code, closure->made_at));
    } else {
        fputs(")\n", stderr);
    }
}

/* ---- Who holds it ----
 *
 * One closure that is held from outside keeps the globals of its function, and with them every
 * closure of that module. So references are counted as the garbage collector does it: what is left
 * after those from objects that the closures themselves keep alive, is held from outside. */

struct node {
    PyObject *object;
    Py_ssize_t references; /* from other nodes */
};

struct graph {
    struct node *nodes; /* in the order in which they were found */
    size_t n, capacity; /* capacity is a power of two, and n at most half of it */
    size_t *places;     /* a hash table: 1 + the index in nodes, 0 where nothing is */
    int failed;         /* no memory */
};

static size_t *place_of(const struct graph *graph, const PyObject *object) {
    uint64_t product = (uint64_t)((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15u;
    for (size_t at = (size_t)(product >> 32);; at++) {
        size_t *place = &graph->places[at & (graph->capacity - 1)];
        if (!*place || graph->nodes[*place - 1].object == object) return place;
    }
}

static int grow(struct graph *graph) {
    size_t capacity = graph->capacity ? 2 * graph->capacity : 1 << 12;
    struct node *nodes = realloc(graph->nodes, capacity / 2 * sizeof *nodes);
    if (nodes) graph->nodes = nodes;
    size_t *places = nodes ? calloc(capacity, sizeof *places) : NULL;
    if (!places) return -1;
    free(graph->places);
    graph->places = places;
    graph->capacity = capacity;
    for (size_t i = 0; i < graph->n; i++)
        *place_of(graph, graph->nodes[i].object) = i + 1;
    return 0;
}

/* A node for object, NULL without memory. */
static struct node *add(struct graph *graph, PyObject *object) {
    if (graph->n >= graph->capacity / 2 && grow(graph)) {
        graph->failed = 1;
        return NULL;
    }
    size_t *place = place_of(graph, object);
    if (!*place) {
        graph->nodes[graph->n] = (struct node){object, 0};
        *place = ++graph->n;
    }
    return &graph->nodes[*place - 1];
}

static int visit(PyObject *object, void *graph) {
    struct node *node = PyObject_IS_GC(object) ? add(graph, object) : NULL;
    if (node) node->references++;
    return ((struct graph *)graph)->failed;
}

/* Classes of pybind11 ask its tables, which may be gone by now. */
static int is_opaque(PyObject *object) {
    return strcmp(Py_TYPE(Py_TYPE(object))->tp_name, "pybind11_type") == 0;
}

static void follow(struct graph *graph) {
    for (size_t i = 0; i < graph->n && !graph->failed; i++) {
        PyObject *object = graph->nodes[i].object;
        traverseproc traverse = Py_TYPE(object)->tp_traverse;
        if (traverse && !is_opaque(object)) traverse(object, visit, graph);
    }
}

/* ---- The report ---- */

struct search {
    const struct pt_interpreter *interpreter;
    struct graph graph; /* the first `closures` nodes are the closures */
};

static int find(struct pt_record *record, void *data) {
    struct search *search = data;
    uint32_t word = pt_state_word(record);
    if (record->kind != &pt_python_kind && record->kind != &pt_python_object_kind) return 0;
    if (!pt_is_live(word) && !pt_is(word, PT_SILENCED)) return 0;
    if (record->owner != search->interpreter) return 0;
    return !add(&search->graph, record->userdata);
}

static int is_leaked(const struct graph *graph, size_t i) {
    const pt_closure_object *closure = (pt_closure_object *)graph->nodes[i].object;
    return !closure->immortal && (graph->failed || Py_REFCNT(closure) > graph->nodes[i].references);
}

/* %lu: gcc for Windows has the old C library's formats in mind, of which %zu is none. */
static void print(const struct graph *graph, size_t closures) {
    unsigned long leaked = 0, shown = 0;
    for (size_t i = 0; i < closures; i++)
        leaked += (unsigned long)is_leaked(graph, i);
    if (!leaked) return;
    fprintf(stderr, "pytramp: %lu callback%s still alive at exit:\n", leaked,
            leaked == 1 ? " is" : "s are");
    for (size_t i = 0; i < closures && shown < SHOWN; i++) {
        if (!is_leaked(graph, i)) continue;
        print_closure((pt_closure_object *)graph->nodes[i].object);
        shown++;
    }
    if (shown < leaked) fprintf(stderr, "  and %lu more\n", leaked - shown);
    fflush(stderr);
}

void pt_report_leaks(const struct pt_interpreter *interpreter) {
    struct search search = {.interpreter = interpreter};
    pt_pool_each(find, &search);
    size_t closures = search.graph.n;
    follow(&search.graph);
    print(&search.graph, closures);
    free(search.graph.nodes);
    free(search.graph.places);
}
