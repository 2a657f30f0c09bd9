/*
 * An addon whose function calls a function of JavaScript, by Node-API. What it uses of that is declared here: the interface does
 * not change, and its header is in no package that is always there.
 */
#include <stddef.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env env, napi_callback_info info);

int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_call_function(napi_env, napi_value, napi_value, size_t, const napi_value *, napi_value *);
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
int napi_get_undefined(napi_env, napi_value *);

__attribute__((noinline)) napi_value addon_inner(napi_env env, napi_value function, napi_value argument)
{
	napi_value receiver = 0, result = 0;

	napi_get_undefined(env, &receiver);
	napi_call_function(env, receiver, function, 1, &argument, &result);
	__asm__ volatile("" ::: "memory"); /* a frame of its own, not a jump */
	return result;
}

static napi_value addon_call(napi_env env, napi_callback_info info)
{
	napi_value arguments[2] = { 0, 0 }, result;
	size_t count = 2;

	napi_get_cb_info(env, info, &count, arguments, 0, 0);
	result = addon_inner(env, arguments[0], arguments[1]);
	__asm__ volatile("" ::: "memory");
	return result;
}

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	napi_value function;

	napi_create_function(env, "callBack", 8, addon_call, 0, &function);
	napi_set_named_property(env, exports, "callBack", function);
	return exports;
}
