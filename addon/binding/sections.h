#pragma once

#include <napi.h>

namespace gantry::binding {

// Each source file of the binding adds its functions to the module's exports; src/base/native-types.ts describes them.
void add_lock(Napi::Env env, Napi::Object exports);
void add_process(Napi::Env env, Napi::Object exports);
void add_namespace(Napi::Env env, Napi::Object exports);
void add_connect(Napi::Env env, Napi::Object exports);
void add_mount(Napi::Env env, Napi::Object exports);
void add_xattr(Napi::Env env, Napi::Object exports);
void add_network(Napi::Env env, Napi::Object exports);
void add_bus(Napi::Env env, Napi::Object exports);
void add_service(Napi::Env env, Napi::Object exports);

template <typename Function>
void add_function(Napi::Env env, Napi::Object exports, const char* name, Function function) {
  exports.Set(name, Napi::Function::New(env, function, name));
}

}  // namespace gantry::binding
