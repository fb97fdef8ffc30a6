/* `_supervice`: the calls of the kernel that Python has no function for.
 *
 * A static program has no dlopen, so ctypes cannot call the C library here; supervice/pid1/subreaper.py uses this module
 * wherever it exists. The functions return what the calls return: -1 for an error, whatever it is.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "modules.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static PyObject *kernel_prctl(PyObject *module, PyObject *args)
{
    int option;
    unsigned long second = 0, third = 0, fourth = 0, fifth = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "i|kkkk:prctl", &option, &second, &third, &fourth, &fifth))
        return NULL;
    return PyLong_FromLong(prctl(option, second, third, fourth, fifth));
}

static PyObject *kernel_capset(PyObject *module, PyObject *args)
{
    Py_buffer header, data;
    PyObject *result = NULL;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*:capset", &header, &data))
        return NULL;
    /* linux/capability.h, version 3: a header of 8 bytes and two times three numbers of 4 */
    if (header.len != 8 || data.len != 24)
        PyErr_SetString(PyExc_ValueError, "capset: a header of 8 bytes and data of 24");
    else
        result = PyLong_FromLong(syscall(SYS_capset, header.buf, data.buf));
    PyBuffer_Release(&header);
    PyBuffer_Release(&data);
    return result;
}

/* The start is over. What is there by now stays, so the garbage collector need not look at it; until now there was
 * none, as it took a sixth of the time. And the pages of this program's file that are mapped were mostly for the
 * start: one that is needed again is mapped again, from the page cache. */
static PyObject *kernel_started(PyObject *module, PyObject *ignored)
{
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM), page = getauxval(AT_PAGESZ);
    PyObject *collector = PyImport_ImportModule("gc"), *done;
    (void)module;
    (void)ignored;
    if (collector == NULL)
        return NULL;
    done = PyObject_CallMethod(collector, "freeze", NULL);
    Py_DECREF(collector);
    if (done == NULL)
        return NULL;
    Py_DECREF(done);
    PyGC_Enable();
    for (; count > 0; count--, header++) {
        uintptr_t start = header->p_vaddr & ~(page - 1), end = header->p_vaddr + header->p_memsz;
        if (header->p_type == PT_LOAD && !(header->p_flags & PF_W))
            madvise((void *)start, end - start, MADV_DONTNEED);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"prctl", kernel_prctl, METH_VARARGS, NULL},
    {"capset", kernel_capset, METH_VARARGS, NULL},
    {"read_lines_by", read_lines_by, METH_O, NULL},
    {"started", kernel_started, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_supervice", .m_size = 0, .m_methods = methods,
};

PyMODINIT_FUNC PyInit__supervice(void)
{
    return PyModuleDef_Init(&definition);
}
