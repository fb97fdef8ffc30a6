/* Has input() read lines with a function in Python: stand_ins/readline.py. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "modules.h"

#include <stdio.h>
#include <string.h>

static PyObject *reader = NULL;

/* What PyOS_Readline calls on a terminal, without the interpreter's lock: a line, "" at the end of the input, NULL when
 * it was interrupted. */
static char *read_line(FILE *in, FILE *out, const char *prompt)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *line = PyObject_CallFunction(reader, "s", prompt);
    Py_ssize_t size = 0;
    const char *text = line != NULL ? PyUnicode_AsUTF8AndSize(line, &size) : NULL;
    char *copy = text != NULL ? PyMem_RawMalloc((size_t)size + 1) : NULL;
    (void)in;
    (void)out;
    if (copy != NULL)
        memcpy(copy, text, (size_t)size + 1);
    else
        PyErr_Clear(); /* input() raises KeyboardInterrupt */
    Py_XDECREF(line);
    PyGILState_Release(state);
    return copy;
}

PyObject *read_lines_by(PyObject *module, PyObject *function)
{
    (void)module;
    Py_XSETREF(reader, Py_NewRef(function));
    PyOS_ReadlineFunctionPointer = read_line;
    Py_RETURN_NONE;
}
