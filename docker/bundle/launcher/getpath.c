/* Where Python looks for modules: nowhere. All there are stand in frozen.c, so the search for a prefix (which reads
 * the environment and looks for landmarks on the disk) is left out.
 */
#include <Python.h>

#include "internal/pycore_initconfig.h"
#include "internal/pycore_pathconfig.h"

PyStatus _PyConfig_InitPathConfig(PyConfig *config, int compute_path_config)
{
    (void)config;
    (void)compute_path_config;
    return PyStatus_Ok();
}
