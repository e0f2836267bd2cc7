#include "cli/curl_int.h"

#include <dlfcn.h>

#define LIBRARY "libcurl.so.4"

typedef struct function {
    const char *name;
    size_t at; /* of its pointer in fl_curl */
} function;

static const function functions[] = {
#define FL_CURL_FUNCTION(name) {"curl_" #name, offsetof(fl_curl, name)},
    FL_CURL_TABLE(FL_CURL_FUNCTION)
#undef FL_CURL_FUNCTION
};

fl_status fl_curl_load(fl_curl *out, fl_err *err)
{
    fl_curl found;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        FL_FAIL(err, FL_E_CONFIG, "%s; install libcurl to talk to a server", dlerror());
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *address = dlsym(library, functions[i].name);
        if (address == NULL) {
            FL_FAIL(err, FL_E_CONFIG, "%s lacks %s; install a newer one", LIBRARY,
                    functions[i].name);
        }
        memcpy((char *)&found + functions[i].at, &address, sizeof address);
    }
    *out = found;
    return FL_OK;
}
