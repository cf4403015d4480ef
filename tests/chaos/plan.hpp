#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

/// An account of the exporter under test. Each has a simulator of its own.
struct Account {
  std::string_view name{};
  std::string_view provider{};
  std::string_view truth{};                   ///< Its API's name in the simulator's truth.
  std::span<const std::string_view> hosts{};  ///< The simulator's words for its hosts.
  int weight = 0;                             ///< How often it meets something.
};
std::span<const Account> accounts();

/// What a provider may do wrong.
struct Fault {
  std::string_view name{};
  std::string_view query{};  ///< Of POST /admin/fault, but for where and how often.
  std::string_view host{};   ///< It means something only there; empty: everywhere.
  int most = 0;              ///< At most so many hits of one rule; 0: as many as come.
};
std::span<const Fault> faults();

/// One thing that the driver does. What belongs together (a kill and the restart) has one number.
struct Step {
  enum class Kind {
    fault,
    unfault,
    kill,
    restart,
    slower,    ///< The account gets a longer interval...
    faster,    ///< ...and the usual one again.
    take_out,  ///< The account leaves the configuration...
    put_back,  ///< ...and comes back.
    reload,    ///< Of a file that has not changed.
    bad_file,  ///< A reload of a file that is no configuration...
    good_file,
    offer_key,   ///< The provider accepts another key, too.
    hand_key,    ///< The exporter's key file is replaced.
    refuse_key,  ///< The provider refuses the old key.
    skew,
  };

  double at = 0;  ///< Seconds from the beginning.
  Kind kind = Kind::fault;
  std::size_t account = 0;
  int number = 0;
  std::string fault{};                    ///< Name of a Fault.
  std::string host{};                     ///< Where it is.
  int count = 0;                          ///< How many requests it hits; 0: all.
  std::optional<std::size_t> endpoint{};  ///< Index of the endpoint that it is for.
  bool by_post = false;                   ///< How a reload is asked for.
  double seconds = 0;                     ///< Of a skew.
};

struct Size {
  std::uint64_t seed = 1;
  double seconds = 60;
  double slow = 1;  ///< All times of the run are so many times longer.
  std::size_t endpoints = 25;
};

/// What is done in a run, in the order of time. Pure.
std::vector<Step> make_plan(const Size& size);

/// The same fault for one endpoint of the next account that is asked often. Pure.
Step elsewhere(Step fault, const Size& size);

}  // namespace chaos
