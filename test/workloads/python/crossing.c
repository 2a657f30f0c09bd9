/* SPDX-License-Identifier: Apache-2.0 */
/* A C extension that calls back: crossing.cross(f) → cross_into() → f(). Of the stable ABI: one file for every version. */
#define Py_LIMITED_API 0x03080000
#include <Python.h>

__attribute__((noinline)) static PyObject *cross_into(PyObject *callable)
{
	PyObject *result = PyObject_CallObject(callable, NULL);

	__asm__ volatile("" ::: "memory"); /* no tail call: its frame stays */
	return result;
}

static PyObject *cross(PyObject *self, PyObject *callable)
{
	PyObject *result = cross_into(callable);

	(void)self;
	__asm__ volatile("" ::: "memory");
	return result;
}

static PyMethodDef methods[] = {
	{ "cross", cross, METH_O, "Calls what it is given." },
	{ NULL, NULL, 0, NULL },
};

static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, .m_name = "crossing", .m_size = -1, .m_methods = methods };

PyMODINIT_FUNC PyInit_crossing(void)
{
	return PyModule_Create(&module);
}
