#include "tests/e2e/certificates_fixture.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "tests/e2e/process_fixture.hpp"

namespace e2e {
namespace {

std::string named(const std::string& name) { return fmt::format("cn = \"{}\"\n", name); }

void run(const std::string& command) {
  if (std::system((command + " 2>/dev/null").c_str()) != 0) {
    throw std::runtime_error("failed: " + command);
  }
}

}  // namespace

Authority::Authority(std::filesystem::path directory, const std::string& name)
    : directory_(std::move(directory)),
      own_(make(name, named(name) + "ca\ncert_signing_key\nexpiration_days = 2\n", "")) {}

Certificate Authority::issue(const std::string& name, const std::string& validity,
                             const std::string& key) const {
  return sign(name, named(name) + validity, key);
}

Certificate Authority::issue_nameless(const std::string& name) const {
  return sign(name, "expiration_days = 2\n");
}

Certificate Authority::sign(const std::string& name, const std::string& form,
                            const std::string& key) const {
  return make(
      name, "ip_address = \"127.0.0.1\"\ntls_www_server\ntls_www_client\nsigning_key\n" + form,
      fmt::format("--load-ca-certificate={} --load-ca-privkey={}", own_.cert, own_.key), key);
}

Certificate Authority::make(const std::string& name, const std::string& form,
                            const std::string& signer, const std::string& key) const {
  const auto stem = (directory_ / name).string();
  write_file(stem + ".cfg", form);
  Certificate made{.cert = stem + ".crt", .key = stem + ".pem"};
  run(fmt::format("certtool --generate-privkey {} --outfile={}", key, made.key));
  run(fmt::format("certtool {} {} --load-privkey={} --template={}.cfg --outfile={}",
                  signer.empty() ? "--generate-self-signed" : "--generate-certificate", signer,
                  made.key, stem, made.cert));
  return made;
}

}  // namespace e2e
