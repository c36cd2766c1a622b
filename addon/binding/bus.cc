// D-Bus: values between JavaScript and addon/linux/bus_*, and the way from the connection's thread to JavaScript's.
#include <memory>
#include <utility>

#include "binding/convert.h"
#include "binding/sections.h"
#include "linux/bus_connection.h"

namespace gantry::binding {

namespace {

// --- values ---

Error wrong_value(const std::string& type, const char* wanted) {
  return Error{EINVAL, "convert D-Bus value", type, std::string("it is not ") + wanted};
}

Result<BusValue> to_bus(const Napi::Value& value, const std::string& type);

Result<void> number_to_bus(const Napi::Value& value, BusValue& into) {
  if (value.IsBoolean() && into.type == 'b') {
    into.number = value.As<Napi::Boolean>().Value() ? 1 : 0;
  } else if (value.IsBigInt()) {
    bool lossless = false;
    const bool is_signed = into.type == 'x' || into.type == 'i' || into.type == 'n';
    into.number = is_signed ? static_cast<uint64_t>(value.As<Napi::BigInt>().Int64Value(&lossless))
                            : value.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless) return wrong_value(std::string(1, into.type), "a number of 64 bits");
  } else if (value.IsNumber()) {
    into.real = value.As<Napi::Number>().DoubleValue();
    into.number = static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
  } else {
    return wrong_value(std::string(1, into.type), "a number");
  }
  return {};
}

// Items by the signatures in `types`, one after another; of an array all by the same one.
Result<void> items_to_bus(const Napi::Value& value, const std::string& types, bool repeated, BusValue& into) {
  if (!value.IsArray()) return wrong_value(types, "an array");
  const auto array = value.As<Napi::Array>();
  std::string left = types;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    const std::string type = first_bus_type(left);
    if (type.empty()) return wrong_value(types, "an array of that length");
    auto item = to_bus(array[index], type);
    if (!item) return item.error();
    into.items.push_back(std::move(*item));
    if (!repeated) left.erase(0, type.size());
  }
  if (!repeated && !left.empty()) return wrong_value(types, "an array of that length");
  return {};
}

// A variant is [signature, value].
Result<void> variant_to_bus(const Napi::Value& value, BusValue& into) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() != 2) return wrong_value("v", "[signature, value]");
  const auto pair = value.As<Napi::Array>();
  const Napi::Value signature = pair[0u];
  if (!signature.IsString()) return wrong_value("v", "[signature, value]");
  into.text = signature.As<Napi::String>().Utf8Value();
  if (first_bus_type(into.text) != into.text) return wrong_value("v", "of one complete type");
  auto item = to_bus(pair[1u], into.text);
  if (!item) return item.error();
  into.items.push_back(std::move(*item));
  return {};
}

Result<BusValue> to_bus(const Napi::Value& value, const std::string& type) {
  BusValue into;
  into.type = type.empty() ? '\0' : type[0];
  Result<void> converted;
  switch (into.type) {
    case '\0': return wrong_value(type, "of a valid signature");
    case 's':
    case 'o':
    case 'g':
      if (!value.IsString()) return wrong_value(type, "a string");
      into.text = value.As<Napi::String>().Utf8Value();
      break;
    case 'a':
      into.text = bus_type_inside(type);
      converted = items_to_bus(value, into.text, true, into);
      break;
    case '(':
    case '{':
      into.text = bus_type_inside(type);
      converted = items_to_bus(value, into.text, false, into);
      break;
    case 'v': converted = variant_to_bus(value, into); break;
    default: converted = number_to_bus(value, into);
  }
  if (!converted.ok()) return converted.error();
  return into;
}

Napi::Value from_bus(Napi::Env env, const BusValue& value);

Napi::Array items_from_bus(Napi::Env env, const std::vector<BusValue>& items) {
  auto array = Napi::Array::New(env, items.size());
  for (uint32_t index = 0; index < items.size(); ++index) array.Set(index, from_bus(env, items[index]));
  return array;
}

// 64-bit numbers are BigInts; a variant is what it holds.
Napi::Value from_bus(Napi::Env env, const BusValue& value) {
  switch (value.type) {
    case 's':
    case 'o':
    case 'g': return Napi::String::New(env, value.text);
    case 'a':
    case '(':
    case '{': return items_from_bus(env, value.items);
    case 'v': return from_bus(env, value.items[0]);
    case 'b': return Napi::Boolean::New(env, value.number != 0);
    case 't': return Napi::BigInt::New(env, value.number);
    case 'x': return Napi::BigInt::New(env, static_cast<int64_t>(value.number));
    case 'd': return Napi::Number::New(env, value.real);
    default: return Napi::Number::New(env, static_cast<double>(static_cast<int64_t>(value.number)));
  }
}

// --- the connection ---

Napi::Error reply_error(Napi::Env env, const std::string& member, const BusReply& reply) {
  auto error = to_js_error(env, Error{reply.code, "call", member, reply.error_message});
  error.Set("busError", Napi::String::New(env, reply.error_name));
  return error;
}

// What JavaScript holds. The thread's events come by one queue, so in their order.
class Bus : public Napi::ObjectWrap<Bus> {
 public:
  static void add(Napi::Env env, Napi::Object exports) {
    auto constructor = DefineClass(env, "Bus", {InstanceMethod("call", &Bus::call), InstanceMethod("close", &Bus::close)});
    exports.Set("Bus", constructor);
  }

  // (address, isBus, onSignal(path, interface, member, arguments), onClosed(error))
  explicit Bus(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Bus>(info) {
    Arguments arguments(info);
    const auto address = arguments.text(0);
    if (!arguments.ok()) return;
    const bool is_bus = info[1].ToBoolean().Value();
    on_signal_ = Napi::Persistent(info[2].As<Napi::Function>());
    on_closed_ = Napi::Persistent(info[3].As<Napi::Function>());
    queue_ = Napi::ThreadSafeFunction::New(info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo&) {}),
                                           "gantry-bus", 0, 1);
    queue_.Unref(info.Env());  // a connection alone does not keep the process
    Ref();                     // until it is closed: the thread's events are for this object
    auto opened = BusConnection::open(address, is_bus, handlers());
    if (!opened) {
      queue_.Release();
      Unref();
      to_js_error(info.Env(), opened.error()).ThrowAsJavaScriptException();
      return;
    }
    connection_ = std::move(*opened);
    // Registered after the queue, so run before it goes: the thread must not use it then.
    ending_ = info.Env().AddCleanupHook(std::function<void()>([this] { connection_.reset(); }));
  }

 private:
  BusConnection::Handlers handlers() {
    return {[this](BusSignal signal) {
              enqueue([this, signal = std::move(signal)](Napi::Env env) {
                on_signal_.Call({Napi::String::New(env, signal.path), Napi::String::New(env, signal.interface),
                                 Napi::String::New(env, signal.member), items_from_bus(env, signal.arguments)});
              });
            },
            [this](Error reason) {
              enqueue([this, reason = std::move(reason)](Napi::Env env) { closed(env, reason); });
            }};
  }

  void closed(Napi::Env env, const Error& reason) {
    connection_.reset();
    ending_.Remove(env);
    on_closed_.Call({to_js_error(env, reason).Value()});
    queue_.Release();  // what is queued behind this is run before it goes
    Unref();
  }

  // By the connection's thread: `work` runs in JavaScript's, unless the environment is ending.
  void enqueue(std::function<void(Napi::Env)> work) {
    auto owned = std::make_unique<std::function<void(Napi::Env)>>(std::move(work));
    const auto run = [](Napi::Env env, Napi::Function, std::function<void(Napi::Env)>* queued) {
      const std::unique_ptr<std::function<void(Napi::Env)>> taken(queued);
      if (env == nullptr) return;
      const Napi::HandleScope scope(env);
      (*taken)(env);
    };
    if (queue_.NonBlockingCall(owned.get(), run) == napi_ok) (void)owned.release();
  }

  // (destination, path, interface, member, signature, arguments, timeout in ms) → the reply's values
  Napi::Value call(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Arguments arguments(info);
    BusCall call{arguments.text(0), arguments.text(1), arguments.text(2), arguments.text(3), {}, 0};
    const auto signature = arguments.text(4);
    call.timeout_us = static_cast<uint64_t>(arguments.number(6)) * 1000;
    if (!arguments.ok()) return env.Undefined();
    BusValue values;
    auto converted = items_to_bus(info[5], signature, false, values);
    if (!converted.ok()) {
      to_js_error(env, converted.error()).ThrowAsJavaScriptException();
      return env.Undefined();
    }
    call.arguments = std::move(values.items);
    auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
    const std::string member = call.member;
    if (connection_ == nullptr) {
      deferred->Reject(reply_error(env, member, {{}, ENOTCONN, {}, "the connection to D-Bus is closed"}).Value());
      return deferred->Promise();
    }
    connection_->call(std::move(call), [this, deferred, member](BusReply reply) {
      enqueue([deferred, member, reply = std::move(reply)](Napi::Env in) {
        if (reply.code == 0) deferred->Resolve(items_from_bus(in, reply.values));
        else deferred->Reject(reply_error(in, member, reply).Value());
      });
    });
    return deferred->Promise();
  }

  // onClosed follows. Idempotent.
  Napi::Value close(const Napi::CallbackInfo& info) {
    connection_.reset();
    return info.Env().Undefined();
  }

  Napi::FunctionReference on_signal_, on_closed_;
  Napi::ThreadSafeFunction queue_;
  Napi::Env::CleanupHook<std::function<void()>> ending_;
  std::unique_ptr<BusConnection> connection_;
};

}  // namespace

void add_bus(Napi::Env env, Napi::Object exports) { Bus::add(env, exports); }

}  // namespace gantry::binding
