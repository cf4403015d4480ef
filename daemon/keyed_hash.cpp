#include "daemon/keyed_hash.hpp"

#include <fmt/format.h>
#include <gnutls/crypto.h>

#include <stdexcept>
#include <string>

namespace serverless::daemon {

KeyedHash::KeyedHash() {
  if (gnutls_rnd(GNUTLS_RND_KEY, key_.data(), key_.size()) < 0) {
    throw std::runtime_error("no random numbers");
  }
}

KeyedHash::Digest KeyedHash::of(std::initializer_list<std::string_view> texts) const {
  std::string whole;
  for (const auto text : texts) {
    whole += fmt::format("{}:", text.size());
    whole += text;
  }
  Digest digest{};
  if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key_.data(), key_.size(), whole.data(), whole.size(),
                       digest.data()) < 0) {
    throw std::runtime_error("no HMAC");
  }
  return digest;
}

}  // namespace serverless::daemon
