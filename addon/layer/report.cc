#include "layer/report.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "layer/implied_directories.h"

namespace gantry::layer {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void member(Writer& json, const char* name, const std::string& value) {
  json.Key(name);
  json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void member(Writer& json, const char* name, std::uint64_t value) {
  json.Key(name);
  json.Uint64(value);
}

std::string line_of(const rapidjson::StringBuffer& buffer) {
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

// A sentence of ours with names of theirs in it. Nothing of ours has a `%`.
std::string message_of(const Error& error) {
  const bool from_system = kind_of(error) == "io";
  return escape_bytes(from_system || error.message.empty() ? error.describe() : error.message);
}

}  // namespace

std::string report_success(const Conversion& conversion) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  member(json, "compressedDigest", conversion.compressed_digest);
  member(json, "compressedSize", conversion.compressed_size);
  member(json, "diffId", conversion.diff_id);
  member(json, "diffSize", conversion.diff_size);
  member(json, "erofsDigest", conversion.erofs_digest);
  member(json, "erofsSize", conversion.erofs_size);
  member(json, "entries", conversion.layer.members);
  member(json, "whiteouts", conversion.layer.whiteouts);
  member(json, "converter", kConverterVersion);
  member(json, "minimumKernel", std::string(conversion.layer.chunked ? "5.15" : "5.10"));
  member(json, "droppedXattrs", conversion.layer.dropped_xattrs);
  json.Key("rootOpaque");
  json.Bool(conversion.layer.root_opaque);
  json.Key("impliedDirectories");
  json.StartArray();
  for (const std::string& path : conversion.layer.implied_directories) {
    json.String(path.data(), static_cast<rapidjson::SizeType>(path.size()));
  }
  json.EndArray();
  json.EndObject();
  return line_of(buffer);
}

std::string report_correction(const Correction& correction) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  json.Key("hiding");
  json.StartArray();
  for (const std::string& path : correction.hiding) {
    json.String(path.data(), static_cast<rapidjson::SizeType>(path.size()));
  }
  json.EndArray();
  member(json, "tarSize", correction.tar.size());
  json.EndObject();
  return line_of(buffer) + correction.tar;
}

std::string report_failure(const Error& error, const Whereabouts& whereabouts) {
  rapidjson::StringBuffer buffer;
  Writer json(buffer);
  json.StartObject();
  json.Key("error");
  json.StartObject();
  member(json, "kind", std::string(kind_of(error)));
  member(json, "message", message_of(error));
  member(json, "offset", whereabouts.offset);
  member(json, "stream", std::string(whereabouts.compressed ? "compressed" : "uncompressed"));
  member(json, "entry", escape_bytes(whereabouts.entry));
  json.EndObject();
  json.EndObject();
  return line_of(buffer);
}

}  // namespace gantry::layer
