#ifndef SUPERVICE_MODULES_H
#define SUPERVICE_MODULES_H

#include <Python.h>

#include <stdbool.h>

/* kernel.c: the built-in module `_supervice`. */
PyMODINIT_FUNC PyInit__supervice(void);

/* lines.c: `_supervice.read_lines_by(function)`. */
PyObject *read_lines_by(PyObject *module, PyObject *function);

/* import.c: from here on our own modules are imported without importlib; -1 with an exception. */
int shorten_imports(void);

#endif
