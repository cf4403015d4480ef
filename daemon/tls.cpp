#include "daemon/tls.hpp"

#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "daemon/files.hpp"

namespace serverless::daemon {
namespace {

using config::ClientAuth;
using Text = tl::expected<std::string, std::string>;

// No key exchange without forward secrecy.
constexpr const char* kTls12 =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:%SERVER_PRECEDENCE";
constexpr const char* kTls13 = "SECURE128:-VERS-ALL:+VERS-TLS1.3:%SERVER_PRECEDENCE";

// Handshakes go on within one call on one thread, so that what a callback saw last belongs to the
// handshake that ends then.
thread_local int t_last_read = -1;
thread_local std::string t_verdict;

ssize_t pull(gnutls_transport_ptr_t transport, void* buffer, std::size_t size) {
  t_last_read = static_cast<int>(reinterpret_cast<std::intptr_t>(transport));
  t_verdict.clear();
  return recv(t_last_read, buffer, size, 0);
}

ssize_t pull_nothing(gnutls_transport_ptr_t transport, void*, size_t) {
  t_last_read = static_cast<int>(reinterpret_cast<std::intptr_t>(transport));
  t_verdict.clear();
  return 0;
}

std::string status_text(unsigned status) {
  gnutls_datum_t text{};
  gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
  std::string result(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  while (result.ends_with(' ') || result.ends_with('.')) result.pop_back();
  return result;
}

int verify_given(gnutls_session_t session) {
  unsigned count = 0;
  if (gnutls_certificate_get_peers(session, &count) == nullptr || count == 0) return 0;
  std::string purpose = GNUTLS_KP_TLS_WWW_CLIENT;
  gnutls_typed_vdata_st wanted{.type = GNUTLS_DT_KEY_PURPOSE_OID,
                               .data = reinterpret_cast<unsigned char*>(purpose.data()),
                               .size = 0};
  unsigned status = 0;
  const int code = gnutls_certificate_verify_peers(session, &wanted, 1, &status);
  if (code >= 0 && status == 0) return 0;
  t_verdict = code < 0 ? gnutls_strerror(code) : status_text(status);
  return GNUTLS_E_CERTIFICATE_ERROR;
}

int verify_required(gnutls_session_t session) {
  unsigned count = 0;
  if (gnutls_certificate_get_peers(session, &count) != nullptr && count > 0) {
    return verify_given(session);
  }
  t_verdict = "no certificate";
  return GNUTLS_E_NO_CERTIFICATE_FOUND;
}

Text read(std::string_view key, const std::string& path) {
  return read_file(path).map_error([&](const std::string& why) {
    return fmt::format("{}: cannot read {}: {}", key, path, why);
  });
}

gnutls_datum_t datum(std::string& text) {
  return {.data = reinterpret_cast<unsigned char*>(text.data()),
          .size = static_cast<unsigned>(text.size())};
}

std::string complaint(int code) {
  switch (code) {
    case GNUTLS_E_CERTIFICATE_KEY_MISMATCH:
      return "they do not belong together";
    case GNUTLS_E_BASE64_DECODING_ERROR:
    case GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR:
    case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE:
      return "no certificate, or no key, in PEM";
    default:
      return gnutls_strerror(code);
  }
}

gnutls_certificate_request_t request_of(ClientAuth type) {
  switch (type) {
    case ClientAuth::NoClientCert:
      return GNUTLS_CERT_IGNORE;
    case ClientAuth::RequestClientCert:
    case ClientAuth::VerifyClientCertIfGiven:
      return GNUTLS_CERT_REQUEST;
    case ClientAuth::RequireAnyClientCert:
    case ClientAuth::RequireAndVerifyClientCert:
      return GNUTLS_CERT_REQUIRE;
  }
  return GNUTLS_CERT_REQUIRE;
}

}  // namespace

struct Tls::Parts {
  Parts() = default;
  ~Parts() {
    if (credentials != nullptr) gnutls_certificate_free_credentials(credentials);
    if (priority != nullptr) gnutls_priority_deinit(priority);
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  gnutls_certificate_credentials_t credentials = nullptr;
  gnutls_priority_t priority = nullptr;
  gnutls_certificate_request_t request = GNUTLS_CERT_REQUIRE;
  double not_after = 0;
};

namespace {

// @return what is wrong, or nothing.
std::optional<std::string> read_not_after(gnutls_certificate_credentials_t credentials,
                                          double& into) {
  gnutls_x509_crt_t* chain = nullptr;
  unsigned size = 0;
  if (gnutls_certificate_get_x509_crt(credentials, 0, &chain, &size) < 0) {
    return "the certificate cannot be read";
  }
  for (unsigned i = 0; i < size; ++i) {
    // Of a chain the first is the server's own.
    if (i == 0) into = static_cast<double>(gnutls_x509_crt_get_expiration_time(chain[i]));
    gnutls_x509_crt_deinit(chain[i]);
  }
  gnutls_free(chain);
  return std::nullopt;
}

}  // namespace

tl::expected<std::shared_ptr<const Tls>, std::string> Tls::load(const config::Tls& config) {
  auto cert = read("cert_file", config.cert_file);
  if (!cert) return tl::make_unexpected(cert.error());
  auto key = read("key_file", config.key_file);
  if (!key) return tl::make_unexpected(key.error());
  auto parts = std::make_unique<Parts>();
  gnutls_certificate_allocate_credentials(&parts->credentials);
  const auto cert_datum = datum(*cert);
  const auto key_datum = datum(*key);
  const int code = gnutls_certificate_set_x509_key_mem2(parts->credentials, &cert_datum, &key_datum,
                                                        GNUTLS_X509_FMT_PEM, nullptr, 0);
  std::fill(key->begin(), key->end(), '\0');
  if (code < 0) {
    return tl::make_unexpected(fmt::format("cert_file {} and key_file {}: {}", config.cert_file,
                                           config.key_file, complaint(code)));
  }
  if (const auto wrong = read_not_after(parts->credentials, parts->not_after)) {
    return tl::make_unexpected(fmt::format("cert_file {}: {}", config.cert_file, *wrong));
  }
  if (!config.client_ca_file.empty()) {
    auto authority = read("client_ca_file", config.client_ca_file);
    if (!authority) return tl::make_unexpected(authority.error());
    const auto authority_datum = datum(*authority);
    if (gnutls_certificate_set_x509_trust_mem(parts->credentials, &authority_datum,
                                              GNUTLS_X509_FMT_PEM) <= 0) {
      return tl::make_unexpected(
          fmt::format("client_ca_file {}: no certificate in it", config.client_ca_file));
    }
  }
  if (config.client_auth_type == ClientAuth::VerifyClientCertIfGiven) {
    gnutls_certificate_set_verify_function(parts->credentials, &verify_given);
  }
  if (config.client_auth_type == ClientAuth::RequireAndVerifyClientCert) {
    gnutls_certificate_set_verify_function(parts->credentials, &verify_required);
  }
  parts->request = request_of(config.client_auth_type);
  const char* priority = config.min_version == config::TlsVersion::TLS13 ? kTls13 : kTls12;
  if (const int wrong = gnutls_priority_init(&parts->priority, priority, nullptr); wrong < 0) {
    return tl::make_unexpected(fmt::format("min_version: {}", gnutls_strerror(wrong)));
  }
  return std::shared_ptr<const Tls>(new Tls(std::move(parts)));
}

Tls::Tls(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tls::~Tls() = default;

void Tls::arm(void* session) const {
  auto* armed = static_cast<gnutls_session_t>(session);
  gnutls_credentials_set(armed, GNUTLS_CRD_CERTIFICATE, parts_->credentials);
  gnutls_priority_set(armed, parts_->priority);
  gnutls_certificate_server_set_request(armed, parts_->request);
  gnutls_transport_set_pull_function(armed, &pull);
}

bool Tls::holds_more(void* session) {
  return gnutls_record_check_pending(static_cast<gnutls_session_t>(session)) > 0;
}

void Tls::hang_up(void* session) {
  gnutls_transport_set_pull_function(static_cast<gnutls_session_t>(session), &pull_nothing);
}

double Tls::not_after() const { return parts_->not_after; }

int Tls::last_read() { return t_last_read; }

Tls::Failure Tls::failure_of(void* session) {
  auto* failed = static_cast<gnutls_session_t>(session);
  if (!t_verdict.empty()) return {.certificate = true, .what = t_verdict};
  const auto alert = gnutls_alert_get(failed);
  if (alert != GNUTLS_A_CLOSE_NOTIFY) {
    return {.what = fmt::format("the client refused: {}", gnutls_alert_get_name(alert))};
  }
  // Before the first message it is none of the enumerators.
  const int last = static_cast<int>(gnutls_handshake_get_last_in(failed));
  if (last < 0) return {.what = "what came was no TLS handshake"};
  if (last == GNUTLS_HANDSHAKE_CERTIFICATE_PKT) {
    return {.certificate = true, .what = "no certificate"};
  }
  if (static_cast<int>(gnutls_handshake_get_last_out(failed)) < 0) {
    return {.what = "no version or cipher in common"};
  }
  // In TLS 1.3 OpenSSL's word for that cannot be read by GnuTLS.
  return {.what = "the client broke it off: it may not trust our certificate"};
}

}  // namespace serverless::daemon
