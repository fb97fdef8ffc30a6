/* Imports our own modules without the import system, which takes longer for each than its code.
 *
 * `import` calls importlib's _find_and_load for what is not in sys.modules. That function, in Python, asks each finder, makes
 * a spec and a loader, takes locks. Ours are all in frozen.c, and only the main thread imports them, so a call of the
 * interpreter's own function for frozen modules is enough. Everything else goes to importlib.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "modules.h"

#include <string.h>

static PyObject *importlib_find_and_load = NULL;

static bool is_ours(const char *name)
{
    return strncmp(name, "supervice", 9) == 0 && (name[9] == 0 || name[9] == '.');
}

/* Imports `supervice.a.b` into its package; a new reference, or NULL. */
static PyObject *load(PyObject *name, const char *text)
{
    const char *dot = strrchr(text, '.');
    PyObject *package = NULL, *module, *there;
    int found;
    if (dot != NULL) {
        char parent[256];
        if ((size_t)(dot - text) >= sizeof parent)
            return PyErr_Format(PyExc_ImportError, "%U: the name is too long", name);
        memcpy(parent, text, (size_t)(dot - text));
        parent[dot - text] = 0;
        package = PyImport_ImportModule(parent);
        if (package == NULL)
            return NULL;
    }
    there = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    if (there != NULL || PyErr_Occurred()) { /* the package has imported it */
        Py_XDECREF(package);
        return Py_XNewRef(there);
    }
    found = PyImport_ImportFrozenModuleObject(name);
    if (found == 0)
        PyErr_Format(PyExc_ModuleNotFoundError, "No module named '%U'", name);
    module = found > 0 ? PyImport_GetModule(name) : NULL;
    if (module != NULL && package != NULL && PyObject_SetAttrString(package, dot + 1, module) != 0)
        Py_CLEAR(module);
    Py_XDECREF(package);
    return module;
}

static PyObject *find_and_load(PyObject *self, PyObject *args)
{
    PyObject *name = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL;
    const char *text = name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    (void)self;
    if (text != NULL && is_ours(text))
        return load(name, text);
    PyErr_Clear();
    return PyObject_CallObject(importlib_find_and_load, args);
}

int shorten_imports(void)
{
    static PyMethodDef definition = {"_find_and_load", find_and_load, METH_VARARGS, NULL};
    PyObject *importlib = PyImport_ImportModule("_frozen_importlib"), *function;
    int failed = -1;
    if (importlib == NULL)
        return -1;
    importlib_find_and_load = PyObject_GetAttrString(importlib, "_find_and_load");
    function = importlib_find_and_load != NULL ? PyCFunction_New(&definition, NULL) : NULL;
    if (function != NULL)
        failed = PyObject_SetAttrString(importlib, "_find_and_load", function);
    Py_XDECREF(function);
    Py_DECREF(importlib);
    return failed;
}
