/* One program by three names: `supervice` and `supervicectl` are the commands, `python` is the bare interpreter.
 *
 * What is imported comes out of this very file (frozen.c): nothing is looked for on the disk, and no variable of
 * the environment reaches the interpreter. `python` is what sys.executable names, for the helper processes
 * that are Python themselves.
 */
#include <Python.h>

#include "launcher.h"
#include "modules.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void unblock_signals(void)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &inherited_mask, NULL, 8);
}

static void stop_if(PyStatus status)
{
    if (PyStatus_Exception(status))
        Py_ExitStatusException(status);
}

static void set(PyConfig *config, wchar_t **option, const char *value)
{
    stop_if(PyConfig_SetBytesString(config, option, value));
}

/* The interpreter, isolated. With `bare` the arguments are Python's own (-c CODE and its like). */
static void start_python(int argc, char **argv, bool bare)
{
    static char folder[PATH_MAX], executable[PATH_MAX + 16];
    const char *started = (const char *)getauxval(AT_EXECFN);
    PyPreConfig before;
    PyConfig config;

    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1; /* whatever LANG says: names of files are bytes, and what is written is UTF-8 */
    before.configure_locale = 0;
    stop_if(Py_PreInitialize(&before));
    PyConfig_InitIsolatedConfig(&config);
    config.parse_argv = bare;
    config.site_import = 0;
    config.write_bytecode = 0;
    config.pathconfig_warnings = 0;
    config.install_signal_handlers = 1;
    config.optimization_level = bare ? 0 : 2;
    config.module_search_paths_set = 1;
    stop_if(PyConfig_SetBytesArgv(&config, argc, argv));
    set(&config, &config.program_name, argv[0]);
    if (started != NULL && realpath(started, folder) != NULL) {
        snprintf(executable, sizeof executable, "%s/lib/python", dirname(dirname(folder)));
        set(&config, &config.executable, executable);
        set(&config, &config.base_executable, executable);
    }
    set(&config, &config.prefix, "");
    set(&config, &config.exec_prefix, "");
    set(&config, &config.base_prefix, "");
    set(&config, &config.base_exec_prefix, "");
    set(&config, &config.stdlib_dir, "");
    if (PyImport_AppendInittab("_supervice", PyInit__supervice) != 0)
        _exit(1);
    stop_if(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
    if (!bare && shorten_imports() != 0)
        PyErr_Print();
}

/* Garbage is collected less often than usual: a client ends soon. */
static void collect_rarely(void)
{
    PyObject *collector = PyImport_ImportModule("gc");
    PyObject *done = collector != NULL ? PyObject_CallMethod(collector, "set_threshold", "i", 50000) : NULL;
    if (done == NULL)
        PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(collector);
}

/* Calls main() of a module, which does not return unless it fails. */
static int run(const char *module)
{
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *result = imported != NULL ? PyObject_CallMethod(imported, "main", NULL) : NULL;
    if (result == NULL)
        PyErr_Print(); /* ends the process itself for SystemExit */
    return result != NULL ? 0 : 1;
}

int main(int argc, char **argv)
{
    static char *no_arguments[] = {"supervice", NULL};
    const char *name, *slash;
    if (argc < 1) {
        argc = 1;
        argv = no_arguments;
    }
    name = argv[0];
    slash = strrchr(name, '/');
    if (slash != NULL)
        name = slash + 1;
    if (strcmp(name, "supervicectl") == 0) {
        int code;
        unblock_signals();
        code = answer_health(argc, argv);
        if (code != ASK_PYTHON)
            return code;
        start_python(argc, argv, false);
        collect_rarely();
        return run("supervice.cli.ctl");
    }
    if (strcmp(name, "python") == 0) {
        unblock_signals();
        start_python(argc, argv, true);
        return Py_RunMain();
    }
    /* Here and not later: an orphan of this moment is ours already. As PID 1 we get them without asking. */
    if (getpid() != 1)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    start_python(argc, argv, false);
    PyGC_Disable(); /* until the start is over, see kernel.c */
    return run("supervice.cli.main");
}
