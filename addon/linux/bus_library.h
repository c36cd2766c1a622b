// libsystemd's sd-bus, loaded when it is first needed: a host without systemd runs pods by the cgroupfs driver. Its ABI is
// stable since systemd 221 and declared here, so that nothing but the library is needed, and that only on hosts that have it.
#pragma once

#include <cstdint>
#include <string>

#include "linux/result.h"

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;
struct sd_bus_error {
  const char* name;
  const char* message;
  int need_free;
};

namespace gantry {

using BusHandler = int (*)(sd_bus_message* message, void* data, sd_bus_error* error);

struct BusLibrary {
  int (*create)(sd_bus** bus) = nullptr;
  int (*set_address)(sd_bus* bus, const char* address) = nullptr;
  int (*set_bus_client)(sd_bus* bus, int yes) = nullptr;
  int (*start)(sd_bus* bus) = nullptr;
  sd_bus* (*flush_close_unref)(sd_bus* bus) = nullptr;
  int (*get_fd)(sd_bus* bus) = nullptr;
  int (*get_events)(sd_bus* bus) = nullptr;
  int (*get_timeout)(sd_bus* bus, uint64_t* monotonic) = nullptr;
  int (*process)(sd_bus* bus, sd_bus_message** message) = nullptr;
  int (*call_async)(sd_bus* bus, sd_bus_slot** slot, sd_bus_message* message, BusHandler done, void* data,
                    uint64_t microseconds) = nullptr;
  int (*add_filter)(sd_bus* bus, sd_bus_slot** slot, BusHandler handler, void* data) = nullptr;

  int (*new_method_call)(sd_bus* bus, sd_bus_message** message, const char* destination, const char* path,
                         const char* interface, const char* member) = nullptr;
  sd_bus_message* (*unref)(sd_bus_message* message) = nullptr;
  int (*append_basic)(sd_bus_message* message, char type, const void* value) = nullptr;
  int (*open_container)(sd_bus_message* message, char type, const char* contents) = nullptr;
  int (*close_container)(sd_bus_message* message) = nullptr;
  int (*peek_type)(sd_bus_message* message, char* type, const char** contents) = nullptr;
  int (*read_basic)(sd_bus_message* message, char type, void* value) = nullptr;
  int (*enter_container)(sd_bus_message* message, char type, const char* contents) = nullptr;
  int (*exit_container)(sd_bus_message* message) = nullptr;
  int (*get_type)(sd_bus_message* message, uint8_t* type) = nullptr;
  int (*get_errno)(sd_bus_message* message) = nullptr;
  const sd_bus_error* (*get_error)(sd_bus_message* message) = nullptr;
  const char* (*get_path)(sd_bus_message* message) = nullptr;
  const char* (*get_interface)(sd_bus_message* message) = nullptr;
  const char* (*get_member)(sd_bus_message* message) = nullptr;
};

inline constexpr uint8_t bus_signal = 4;  // of get_type

// EOPNOTSUPP, with what to install, where the host has no libsystemd.so.0.
Result<const BusLibrary*> bus_library();

}  // namespace gantry
