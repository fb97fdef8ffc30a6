#ifndef SUPERVICE_LINES_H
#define SUPERVICE_LINES_H

#include <Python.h>

PyObject *read_lines_by(PyObject *module, PyObject *function);

#endif
