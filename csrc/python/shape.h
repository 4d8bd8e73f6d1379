/* How long an array parameter is: an expression of other parameters. */
#ifndef PT_SHAPE_H
#define PT_SHAPE_H

#include "objects.h"

#include "../config.h"

#define PT_MAX_DIMENSIONS 8
#define PT_MAX_OPERANDS   16 /* on the stack of one program */

/* What a program can do: its constants and parameters are operands. */
enum pt_operator {
    PT_OP_NUMBER,
    PT_OP_ARGUMENT, /* the value of argument operand */
    PT_OP_DEREF,    /* the value that argument operand, a pointer to an integer, points at */
    PT_OP_ADD,
    PT_OP_SUBTRACT,
    PT_OP_MULTIPLY,
    PT_OP_DIVIDE,
    PT_OP_REMAINDER,
    PT_OP_SHIFT_LEFT,
    PT_OP_SHIFT_RIGHT,
    PT_OP_AND,
    PT_OP_OR,
    PT_OP_XOR,
    PT_OP_LESS,
    PT_OP_GREATER,
    PT_OP_LESS_EQUAL,
    PT_OP_GREATER_EQUAL,
    PT_OP_EQUAL,
    PT_OP_NOT_EQUAL,
    PT_OP_LOGICAL_AND,
    PT_OP_LOGICAL_OR,
    PT_OP_NEGATE,
    PT_OP_COMPLEMENT,
    PT_OP_NOT,
    PT_OP_CHOOSE
};

struct pt_step_of {
    enum pt_operator operator;
    int64_t operand;
};

struct pt_program {
    size_t n;
    struct pt_step_of *steps; /* postfix */
};

struct pt_shape {
    int ndim;
    struct pt_program dimensions[PT_MAX_DIMENSIONS];
};

/* Where the arguments of a call stand. */
struct pt_arguments {
    const struct pt_crossing *takes;
    void *const *at;
};

/* Writes ndim lengths and the bytes they make together. -1 with ValueError where one is negative,
 * or where that much memory cannot be. */
PT_HIDDEN int pt_shape_eval(const struct pt_shape *shape, const struct pt_arguments *arguments,
                            size_t itemsize, Py_ssize_t *lengths, Py_ssize_t *bytes);

#endif
