package main

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// constCollector is what client_golang's documents advise for numbers that come from elsewhere: a
// Collector that makes const metrics of the last answers at every scrape.
type constCollector struct {
	workers, endpoints []*prometheus.Desc

	mutex  sync.RWMutex
	latest map[endpoint]snapshot
}

func newConstCollector() *constCollector {
	c := &constCollector{latest: map[endpoint]snapshot{}}
	for _, f := range workerFamilies {
		labels := append(append([]string{}, baseLabels...), "worker_id")
		c.workers = append(c.workers, prometheus.NewDesc(f.name, f.help, append(labels, f.labels...), nil))
	}
	for _, f := range endpointFamilies {
		c.endpoints = append(c.endpoints, prometheus.NewDesc(f.name, f.help, baseLabels, nil))
	}
	return c
}

func (c *constCollector) take(s snapshot) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.latest[s.endpoint] = s
}

func (c *constCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range append(append([]*prometheus.Desc{}, c.workers...), c.endpoints...) {
		out <- desc
	}
}

func (c *constCollector) Collect(out chan<- prometheus.Metric) {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for e, s := range c.latest {
		for i := range s.workers {
			w := &s.workers[i]
			forWorker(w, func(index int, value float64, labels ...string) {
				values := append([]string{e.provider, account, e.id, w.ID}, labels...)
				out <- prometheus.MustNewConstMetric(c.workers[index], prometheus.GaugeValue, value, values...)
			})
		}
		if s.health == nil {
			continue
		}
		forHealth(s.health, func(index int, value float64) {
			kind := prometheus.GaugeValue
			if endpointFamilies[index].counter {
				kind = prometheus.CounterValue
			}
			out <- prometheus.MustNewConstMetric(c.endpoints[index], kind, value, e.provider, account, e.id)
		})
	}
}
