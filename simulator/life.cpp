#include "simulator/life.hpp"

#include "simulator/hash.hpp"

namespace simulator {

using std::chrono::milliseconds;

Moment moment_at(std::uint64_t key, const Script& script, milliseconds age) {
  const std::int64_t period = between(hash_of({key, 1}), script.shortest_period_s * 1000LL,
                                      script.longest_period_s * 1000LL);
  const std::int64_t position = age.count() + between(hash_of({key, 2}), 0, period - 1);
  std::int64_t cycle = position / period;
  if (position < cycle * period) --cycle;
  const std::int64_t in_life = position - cycle * period;

  const auto length_of = [&](std::size_t index) {
    const Phase& phase = script.phases[index];
    return between(hash_of({key, 3, static_cast<std::uint64_t>(cycle), index}),
                   phase.shortest_s * 1000LL, phase.longest_s * 1000LL);
  };
  std::int64_t working_length = period;
  for (std::size_t i = 0; i < script.phases.size(); ++i) working_length -= length_of(i);

  Moment moment;
  moment.cycle = cycle;
  moment.in_life = milliseconds{in_life};
  moment.period = milliseconds{period};
  bool found = false;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < script.phases.size(); ++i) {
    const Phase& phase = script.phases[i];
    if (phase.is_working()) moment.working_from = milliseconds{begin};
    const std::int64_t end = begin + (phase.is_working() ? working_length : length_of(i));
    if (!found && in_life < end) {
      found = true;
      moment.word = phase.word;
      moment.working = phase.is_working();
      moment.phase = i;
      moment.in_phase = milliseconds{in_life - begin};
    }
    begin = end;
  }
  return moment;
}

}  // namespace simulator
