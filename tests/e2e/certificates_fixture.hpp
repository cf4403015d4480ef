#pragma once

#include <filesystem>
#include <string>

namespace e2e {

/// Paths of PEM files.
struct Certificate {
  std::string cert{};
  std::string key{};
};

/// An authority with a key of its own. Certificates are made here.
class Authority {
 public:
  /// @param directory where its files are put, and those of what it issues.
  Authority(std::filesystem::path directory, const std::string& name);

  [[nodiscard]] const std::string& file() const { return own_.cert; }

  /// For both ends of a connection, at 127.0.0.1.
  /// @param validity lines of certtool's template.
  /// @param key what certtool is told of the key.
  [[nodiscard]] Certificate issue(const std::string& name,
                                  const std::string& validity = "expiration_days = 2\n",
                                  const std::string& key = kQuickKey) const;
  /// The same without a common name in it.
  [[nodiscard]] Certificate issue_nameless(const std::string& name) const;

 private:
  static constexpr const char* kQuickKey = "--key-type=ecdsa --curve=secp256r1";

  [[nodiscard]] Certificate sign(const std::string& name, const std::string& form,
                                 const std::string& key = kQuickKey) const;
  [[nodiscard]] Certificate make(const std::string& name, const std::string& form,
                                 const std::string& signer,
                                 const std::string& key = kQuickKey) const;

  std::filesystem::path directory_;
  Certificate own_;
};

}  // namespace e2e
