// Go exporters as they are usually written, to compare with: they poll the same simulated fleet and
// publish the same series of workers. GET /poll asks for everything once, in place of a timer.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "go_peer:", err)
	os.Exit(1)
}

func main() {
	simulator := flag.String("simulator", "", "`URL` of the simulator")
	fleet := flag.String("fleet", "", "`FILE` with a line \"PROVIDER ID\" for each endpoint")
	publish := flag.String("publish", "const", "const (client_golang's const metrics) or prerendered")
	key := flag.String("key", "demo-key", "`KEY` for the simulator")
	flag.Parse()

	var sink sink
	var metrics http.Handler
	switch *publish {
	case "const":
		collector := newConstCollector()
		registry := prometheus.NewRegistry()
		registry.MustRegister(collector)
		sink, metrics = collector, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	case "prerendered":
		store := newStore()
		sink, metrics = store, store
	default:
		fail(fmt.Errorf("unknown way to publish: %s", *publish))
	}
	poller, err := newPoller(*simulator, *key, *fleet, sink)
	if err != nil {
		fail(err)
	}
	http.Handle("/metrics", metrics)
	http.HandleFunc("/poll", func(w http.ResponseWriter, _ *http.Request) {
		if failed := poller.poll(); failed > 0 {
			http.Error(w, fmt.Sprintf("%d endpoints failed", failed), http.StatusInternalServerError)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Printf("listening http://%s\n", listener.Addr())
	fail(http.Serve(listener, nil))
}
