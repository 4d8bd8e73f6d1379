/* Lengths of array parameters: `a[2 * n]` is the program n, 2, *.
 *
 * Computed in 64 bits: as C would where nothing overflows, and an error where something does. */
#include "shape.h"

#include <limits.h>
#include <string.h>
#include <wchar.h>

#include "../type.h"

/* ---- Making one ---- */

static const struct {
    const char *text;
    enum pt_operator operator;
    int takes;
} operators[] = {
    {"+", PT_OP_ADD, 2},          {"-", PT_OP_SUBTRACT, 2},
    {"*", PT_OP_MULTIPLY, 2},     {"/", PT_OP_DIVIDE, 2},
    {"%", PT_OP_REMAINDER, 2},    {"<<", PT_OP_SHIFT_LEFT, 2},
    {">>", PT_OP_SHIFT_RIGHT, 2}, {"&", PT_OP_AND, 2},
    {"|", PT_OP_OR, 2},           {"^", PT_OP_XOR, 2},
    {"<", PT_OP_LESS, 2},         {">", PT_OP_GREATER, 2},
    {"<=", PT_OP_LESS_EQUAL, 2},  {">=", PT_OP_GREATER_EQUAL, 2},
    {"==", PT_OP_EQUAL, 2},       {"!=", PT_OP_NOT_EQUAL, 2},
    {"&&", PT_OP_LOGICAL_AND, 2}, {"||", PT_OP_LOGICAL_OR, 2},
    {"neg", PT_OP_NEGATE, 1},     {"~", PT_OP_COMPLEMENT, 1},
    {"!", PT_OP_NOT, 1},          {"?:", PT_OP_CHOOSE, 3},
};

static int is_integer(const pytramp_type *type) {
    return (type->class == PT_CLASS_SIGNED || type->class == PT_CLASS_UNSIGNED ||
            type->class == PT_CLASS_BOOL || type->class == PT_CLASS_CHARACTER) &&
           type->size <= sizeof(int64_t);
}

static int refuse(PyObject *what, const char *why) {
    PyErr_Format(PyExc_ValueError, "the length of an array: %R %s", what, why);
    return -1;
}

static int add_argument(struct pt_step_of *step, PyObject *name, PyObject *names,
                        const struct pt_crossing *takes) {
    Py_ssize_t i = PySequence_Index(names, name);
    if (i < 0) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) return -1;
        PyErr_Clear();
        return refuse(name, "is no parameter");
    }
    *step = (struct pt_step_of){PT_OP_ARGUMENT, i};
    const struct pt_crossing *item = takes[i].item;
    int points_at_one = takes[i].way == PT_WAY_POINTER && is_integer(item->type);
    return is_integer(takes[i].type) || points_at_one ? 0 : refuse(name, "is no integer");
}

/* `n`, `deref`: the two become one step. */
static int add_deref(struct pt_program *program) {
    struct pt_step_of *last = program->n ? &program->steps[program->n - 1] : NULL;
    if (!last || last->operator != PT_OP_ARGUMENT) {
        PyErr_SetString(PyExc_ValueError, "the length of an array: * needs the name of a pointer");
        return -1;
    }
    last->operator = PT_OP_DEREF;
    return 0;
}

/* How many operands the token takes off the stack; -1 with an exception. */
static int add_token(struct pt_program *program, PyObject *token, PyObject *names,
                     const struct pt_crossing *takes) {
    struct pt_step_of *step = &program->steps[program->n];
    if (PyLong_Check(token)) {
        *step = (struct pt_step_of){PT_OP_NUMBER, PyLong_AsLongLong(token)};
        program->n++;
        return PyErr_Occurred() ? -1 : 0;
    }
    const char *text = PyUnicode_AsUTF8(token);
    if (!text) return -1;
    if (!strcmp(text, "deref")) return add_deref(program) ? -1 : 1;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (strcmp(text, operators[i].text)) continue;
        *step = (struct pt_step_of){operators[i].operator, 0};
        program->n++;
        return operators[i].takes;
    }
    if (add_argument(step, token, names, takes)) return -1;
    program->n++;
    return 0;
}

static int compile(struct pt_program *program, PyObject *tokens, PyObject *names,
                   const struct pt_crossing *takes) {
    Py_ssize_t n = PyTuple_GET_SIZE(tokens), depth = 0;
    program->steps = PyMem_Calloc((size_t)n + 1, sizeof *program->steps);
    if (!program->steps) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        int taken = add_token(program, PyTuple_GET_ITEM(tokens, i), names, takes);
        if (taken < 0) return -1;
        if (depth < taken) return refuse(tokens, "lacks an operand");
        depth += 1 - taken;
        if (depth > PT_MAX_OPERANDS) return refuse(tokens, "is too long");
    }
    return depth == 1 ? 0 : refuse(tokens, "is no expression");
}

/* A pointer is an operand of deref only. */
static int check_pointers(const struct pt_program *program, PyObject *names,
                          const struct pt_crossing *takes) {
    for (size_t i = 0; i < program->n; i++) {
        const struct pt_step_of *step = &program->steps[i];
        if (step->operator != PT_OP_ARGUMENT && step->operator != PT_OP_DEREF) continue;
        int is_pointer = takes[step->operand].way == PT_WAY_POINTER;
        if (is_pointer != (step->operator == PT_OP_DEREF))
            return refuse(PyTuple_GET_ITEM(names, step->operand),
                          is_pointer ? "is a pointer" : "is no pointer");
    }
    return 0;
}

int pt_shape_add(struct pt_shape **shape, PyObject *program, PyObject *names,
                 const struct pt_crossing *takes) {
    if (!*shape) *shape = PyMem_Calloc(1, sizeof **shape);
    if (!*shape) {
        PyErr_NoMemory();
        return -1;
    }
    if ((*shape)->ndim == PT_MAX_DIMENSIONS) return refuse(program, "is one dimension too many");
    struct pt_program *next = &(*shape)->dimensions[(*shape)->ndim++];
    return compile(next, program, names, takes) || check_pointers(next, names, takes) ? -1 : 0;
}

void pt_shape_free(struct pt_shape *shape) {
    if (!shape) return;
    for (int i = 0; i < shape->ndim; i++)
        PyMem_Free(shape->dimensions[i].steps);
    PyMem_Free(shape);
}

/* ---- Computing one ---- */

static int fail(const char *why) {
    PyErr_Format(PyExc_ValueError, "the length of an array parameter %s", why);
    return -1;
}

static int is_signed(const pytramp_type *type) {
    if (type->class == PT_CLASS_CHARACTER)
        return type->code == PT_TYPE_CHAR    ? CHAR_MIN < 0
               : type->code == PT_TYPE_WCHAR ? WCHAR_MIN < 0
                                             : 0;
    return type->class == PT_CLASS_SIGNED;
}

static int read_integer(const pytramp_type *type, const void *from, int64_t *value) {
    uint64_t bits = 0;
    memcpy((unsigned char *)&bits + (PY_LITTLE_ENDIAN ? 0 : sizeof bits - type->size), from,
           type->size);
    unsigned unused = 64 - 8 * (unsigned)type->size;
    *value = (int64_t)bits;
    if (is_signed(type))
        *value = (int64_t)(bits << unused) >> unused;
    else if (*value < 0)
        return fail("is more than memory holds");
    return 0;
}

static int read_pointed_at(const struct pt_crossing *crossing, const void *from, int64_t *value) {
    const void *at;
    memcpy(&at, from, sizeof at);
    return at ? read_integer(crossing->item->type, at, value)
              : fail("stands behind a NULL pointer");
}

static int divide(int64_t a, int64_t b, int64_t *quotient, int64_t *remainder) {
    if (!b) return fail("is divided by zero");
    if (a == INT64_MIN && b == -1) return fail("overflows");
    *quotient = a / b;
    *remainder = a % b;
    return 0;
}

static int shift(enum pt_operator operator, int64_t a, int64_t b, int64_t *result) {
    if (b < 0 || b > 63) return fail("is shifted too far");
    *result = operator == PT_OP_SHIFT_LEFT ? (int64_t)((uint64_t)a << b) : a >> b;
    return operator == PT_OP_SHIFT_LEFT && *result >> b != a ? fail("overflows") : 0;
}

static int apply_two(enum pt_operator operator, int64_t a, int64_t b, int64_t *result) {
    int64_t other;
    switch (operator) {
    case PT_OP_ADD: return __builtin_add_overflow(a, b, result) ? fail("overflows") : 0;
    case PT_OP_SUBTRACT: return __builtin_sub_overflow(a, b, result) ? fail("overflows") : 0;
    case PT_OP_MULTIPLY: return __builtin_mul_overflow(a, b, result) ? fail("overflows") : 0;
    case PT_OP_DIVIDE: return divide(a, b, result, &other);
    case PT_OP_REMAINDER: return divide(a, b, &other, result);
    case PT_OP_SHIFT_LEFT:
    case PT_OP_SHIFT_RIGHT: return shift(operator, a, b, result);
    case PT_OP_AND: *result = a & b; return 0;
    case PT_OP_OR: *result = a | b; return 0;
    case PT_OP_XOR: *result = a ^ b; return 0;
    case PT_OP_LESS: *result = a < b; return 0;
    case PT_OP_GREATER: *result = a > b; return 0;
    case PT_OP_LESS_EQUAL: *result = a <= b; return 0;
    case PT_OP_GREATER_EQUAL: *result = a >= b; return 0;
    case PT_OP_EQUAL: *result = a == b; return 0;
    case PT_OP_NOT_EQUAL: *result = a != b; return 0;
    case PT_OP_LOGICAL_AND: *result = a && b; return 0;
    default: *result = a || b; return 0;
    }
}

static int apply_one(enum pt_operator operator, int64_t a, int64_t *result) {
    switch (operator) {
    case PT_OP_NEGATE: return __builtin_sub_overflow(0, a, result) ? fail("overflows") : 0;
    case PT_OP_COMPLEMENT: *result = ~a; return 0;
    default: *result = !a; return 0;
    }
}

static int push(const struct pt_step_of *step, const struct pt_arguments *arguments,
                int64_t *value) {
    if (step->operator == PT_OP_NUMBER) {
        *value = step->operand;
        return 0;
    }
    const struct pt_crossing *crossing = &arguments->takes[step->operand];
    const void *at = arguments->at[step->operand];
    return step->operator == PT_OP_DEREF ? read_pointed_at(crossing, at, value)
                                         : read_integer(crossing->type, at, value);
}

static int eval(const struct pt_program *program, const struct pt_arguments *arguments,
                int64_t *value) {
    int64_t stack[PT_MAX_OPERANDS + 1], *top = stack;
    for (size_t i = 0; i < program->n; i++) {
        const struct pt_step_of *step = &program->steps[i];
        int failed;
        if (step->operator <= PT_OP_DEREF) {
            failed = push(step, arguments, top++);
        } else if (step->operator == PT_OP_CHOOSE) {
            top -= 2;
            top[-1] = top[-1] ? top[0] : top[1];
            failed = 0;
        } else if (step->operator >= PT_OP_NEGATE) {
            failed = apply_one(step->operator, top[-1], &top[-1]);
        } else {
            top--;
            failed = apply_two(step->operator, top[-1], top[0], &top[-1]);
        }
        if (PT_UNLIKELY(failed)) return -1;
    }
    *value = stack[0];
    return 0;
}

int pt_shape_eval(const struct pt_shape *shape, const struct pt_arguments *arguments,
                  size_t itemsize, Py_ssize_t *lengths, Py_ssize_t *bytes) {
    *bytes = (Py_ssize_t)itemsize;
    for (int i = 0; i < shape->ndim; i++) {
        int64_t length;
        if (PT_UNLIKELY(eval(&shape->dimensions[i], arguments, &length))) return -1;
        if (PT_UNLIKELY(length < 0)) {
            PyErr_Format(PyExc_ValueError, "the length of an array parameter is negative: %lld",
                         (long long)length);
            return -1;
        }
        if (PT_UNLIKELY(__builtin_mul_overflow(*bytes, length, bytes)))
            return fail("is more than memory holds");
        lengths[i] = (Py_ssize_t)length;
    }
    return 0;
}
