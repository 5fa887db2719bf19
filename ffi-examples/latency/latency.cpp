// How late does a sleeping ULT wake up? A module in C++: on each target a ULT sleeps again and
// again, and notes by how much each sleep was too long. Its dRPC method answers the percentiles of
// all targets. Long delays tell of ULTs that do not yield, or of a machine with too few cores.

#define D_LOGFAC DD_FAC(server)

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

extern "C" {
#include <daos_srv/daos_engine.h>
#include <daos/drpc_modules.h>
}
#include "drpc_body.h"
#include "latency.pb-c.h"

namespace
{

// daos_server's slot for credentials, which an engine does not fill itself.
constexpr int drpc_module = DRPC_MODULE_SEC;
constexpr int method_report = 1;
constexpr int module_id = 34;
constexpr uint32_t interval_ms = 10;

// Counts delays in buckets that double in width: bucket b holds those below 2^b microseconds.
class Histogram
{
      public:
	void
	add(std::chrono::microseconds delay)
	{
		const auto us = static_cast<uint64_t>(std::max<int64_t>(delay.count(), 0));
		size_t bucket = 0;

		while (bucket + 1 < buckets_.size() && us >= upper_end(bucket))
			bucket++;
		buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
		if (us > max_us_.load(std::memory_order_relaxed))
			max_us_.store(us, std::memory_order_relaxed);
	}

	uint64_t
	samples() const
	{
		uint64_t all = 0;

		for (const auto &bucket : buckets_)
			all += bucket.load(std::memory_order_relaxed);
		return all;
	}

	// The upper end of the bucket below which `part` of all delays lie.
	uint32_t
	percentile(double part) const
	{
		const double wanted = part * static_cast<double>(samples());
		uint64_t below = 0;

		for (size_t i = 0; i < buckets_.size(); i++) {
			below += buckets_[i].load(std::memory_order_relaxed);
			if (below > 0 && static_cast<double>(below) >= wanted)
				return static_cast<uint32_t>(upper_end(i));
		}
		return 0;
	}

	uint32_t
	max_us() const
	{
		return static_cast<uint32_t>(max_us_.load(std::memory_order_relaxed));
	}

      private:
	static uint64_t
	upper_end(size_t bucket)
	{
		return uint64_t{1} << bucket;
	}

	// One writer, the target's ULT; readers on other xstreams.
	std::array<std::atomic<uint64_t>, 31> buckets_{};
	std::atomic<uint64_t> max_us_{0};
};

// The sampling ULT of one target.
class Sampler
{
      public:
	explicit Sampler(int target) : target_(target)
	{
	}

	int
	start()
	{
		return dss_ult_periodic(run, this, DSS_XS_VOS, target_, 0, &ult_);
	}

	void
	stop()
	{
		stop_.store(true);
		if (ult_ != ABT_THREAD_NULL)
			ABT_thread_free(&ult_); // joins it first
	}

	int
	target() const
	{
		return target_;
	}

	const Histogram &
	histogram() const
	{
		return histogram_;
	}

      private:
	static void
	run(void *self)
	{
		static_cast<Sampler *>(self)->sample();
	}

	void
	sample()
	{
		using clock = std::chrono::steady_clock;
		const std::chrono::milliseconds interval(interval_ms);

		while (!stop_.load() && !dss_xstream_exiting(dss_current_xstream())) {
			const auto start = clock::now();

			dss_sleep(interval_ms);
			histogram_.add(std::chrono::duration_cast<std::chrono::microseconds>(
				clock::now() - start - interval));
		}
	}

	const int target_;
	Histogram histogram_;
	std::atomic<bool> stop_{false};
	ABT_thread ult_ = ABT_THREAD_NULL;
};

std::vector<std::unique_ptr<Sampler>> samplers;

void
report(Drpc__Response *resp)
{
	std::vector<Latency__Target> targets(samplers.size());
	std::vector<Latency__Target *> pointers;

	for (size_t i = 0; i < samplers.size(); i++) {
		const Histogram &histogram = samplers[i]->histogram();

		latency__target__init(&targets[i]);
		targets[i].id = static_cast<uint32_t>(samplers[i]->target());
		targets[i].samples = histogram.samples();
		targets[i].p50_us = histogram.percentile(0.50);
		targets[i].p99_us = histogram.percentile(0.99);
		targets[i].max_us = histogram.max_us();
		pointers.push_back(&targets[i]);
	}

	Latency__Report answer = LATENCY__REPORT__INIT;

	answer.n_targets = pointers.size();
	answer.targets = pointers.data();
	drpc_body_pack(&answer.base, resp);
}

// No exception may leave a function that the engine calls.
void
drpc(Drpc__Call *call, Drpc__Response *resp) noexcept
{
	if (call->method != method_report) {
		resp->status = DRPC__STATUS__UNKNOWN_METHOD;
		return;
	}
	try {
		report(resp);
	} catch (const std::bad_alloc &) {
		resp->status = DRPC__STATUS__FAILED_MARSHAL;
	}
}

int
setup() noexcept
{
	try {
		for (unsigned int target = 0; target < dss_tgt_nr; target++) {
			samplers.push_back(std::make_unique<Sampler>(static_cast<int>(target)));
			if (int rc = samplers.back()->start(); rc != 0)
				return rc;
		}
	} catch (const std::bad_alloc &) {
		return -DER_NOMEM;
	}
	return 0;
}

int
cleanup() noexcept
{
	for (auto &sampler : samplers)
		sampler->stop();
	samplers.clear();
	return 0;
}

int
nothing() noexcept
{
	return 0;
}

dss_drpc_handler handlers[] = {{drpc_module, drpc}, {0, nullptr}};

// C++17 has no designated initializers: the rest stays zero.
dss_module
describe()
{
	dss_module module{};

	module.sm_name = "latency";
	module.sm_mod_id = module_id;
	module.sm_ver = 1;
	module.sm_init = nothing;
	module.sm_fini = nothing;
	module.sm_setup = setup;
	module.sm_cleanup = cleanup;
	module.sm_drpc_handlers = handlers;
	return module;
}

} // namespace

// The symbol that the engine looks for.
extern "C" {
dss_module latency_module = describe();
}
