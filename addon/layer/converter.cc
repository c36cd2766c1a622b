#include "layer/converter.h"

namespace gantry::layer {

Result<void> Converter::apply_members() {
  GANTRY_TRY(builder_.begin());
  while (true) {
    auto more = reader_.next(member_);
    if (!more) return std::move(more.error());
    if (!*more) break;
    GANTRY_TRY(builder_.apply(member_, reader_));
  }
  // The digests are of everything that was sent, padding and rubbish behind the archive's end included.
  return reader_.drain();
}

Result<Conversion> Converter::run() {
  GANTRY_TRY(apply_members());
  Conversion conversion;
  conversion.compressed_digest = input_.compressed_digest();
  conversion.compressed_size = input_.compressed_size();
  conversion.diff_id = reader_.diff_id();
  conversion.diff_size = reader_.offset();
  auto summary = builder_.finish(conversion.diff_id);
  if (!summary) return std::move(summary.error());
  conversion.layer = std::move(*summary);
  GANTRY_TRY(image_.finish());
  conversion.erofs_size = image_.position();
  auto digest = image_.digest();
  if (!digest) return std::move(digest.error());
  conversion.erofs_digest = std::move(*digest);
  return conversion;
}

Whereabouts Converter::whereabouts(const Error& error) const {
  if (input_.failed()) return {true, input_.offset(), member_.name};
  // What is missing is missing at the end; what is wrong is wrong with the member, which began earlier.
  const bool at_end = error.code == truncated({}).code;
  return {false, at_end ? reader_.offset() : member_.offset, member_.name};
}

}  // namespace gantry::layer
