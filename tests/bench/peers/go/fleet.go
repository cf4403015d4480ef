package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Requests under way at once, as in the other contenders.
const inFlight = 8

// endpoint is one of the two kinds: runpod or vast.
type endpoint struct {
	provider, id string
}

// worker is what is published of one worker. A field that was not reported is nil.
type worker struct {
	ID                             string
	Status, GPU, Location, Version string
	Stale                          bool
	Uptime, Started, GPUs          *float64
	Vast                           *vastWorker
}

type vastWorker struct {
	ID                json.Number `json:"id"`
	Status            string      `json:"status"`
	CurLoad           *float64    `json:"cur_load"`
	NewLoad           *float64    `json:"new_load"`
	CurLoadRollingAvg *float64    `json:"cur_load_rolling_avg"`
	CurPerf           *float64    `json:"cur_perf"`
	Perf              *float64    `json:"perf"`
	MeasuredPerf      *float64    `json:"measured_perf"`
	DLPerf            *float64    `json:"dlperf"`
	Reliability       *float64    `json:"reliability"`
	DiskUsage         *float64    `json:"disk_usage"`
	RequestsWorking   *float64    `json:"reqs_working"`
	LoadedAt          *float64    `json:"loaded_at"`
	StartedAt         *float64    `json:"started_at"`
	ReadyEver         bool        `json:"ready_ever"`
	GPUName           string      `json:"gpu_name"`
}

type runpodWorkers struct {
	Workers []struct {
		ID            string     `json:"id"`
		Status        string     `json:"status"`
		IsStale       bool       `json:"isStale"`
		Version       *int       `json:"version"`
		GPUCount      *float64   `json:"gpuCount"`
		UptimeSeconds *float64   `json:"uptimeSeconds"`
		GPUTypeID     string     `json:"gpuTypeId"`
		DataCenterID  string     `json:"dataCenterId"`
		StartedAt     *time.Time `json:"startedAt"`
	} `json:"workers"`
}

type health struct {
	Jobs struct {
		Completed  float64 `json:"completed"`
		Failed     float64 `json:"failed"`
		InProgress float64 `json:"inProgress"`
		InQueue    float64 `json:"inQueue"`
		Retried    float64 `json:"retried"`
	} `json:"jobs"`
}

// snapshot is all that is known of one endpoint.
type snapshot struct {
	endpoint
	workers []worker
	health  *health // nil at Vast.ai.
}

// sink takes each endpoint as soon as it was polled. Calls may come from several goroutines.
type sink interface {
	take(snapshot)
}

type poller struct {
	simulator, key string
	endpoints      []endpoint
	client         *http.Client
	sink           sink
}

func newPoller(simulator, key, fleetFile string, sink sink) (*poller, error) {
	file, err := os.Open(fleetFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &poller{simulator: simulator, key: key, sink: sink}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		provider, id, found := strings.Cut(lines.Text(), " ")
		if !found {
			return nil, fmt.Errorf("%s: not \"PROVIDER ID\": %q", fleetFile, lines.Text())
		}
		p.endpoints = append(p.endpoints, endpoint{provider, id})
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = inFlight
	p.client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	return p, nil
}

// poll asks for everything once. It returns how many endpoints failed.
func (p *poller) poll() int64 {
	var failed int64
	next := make(chan endpoint)
	var all sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for e := range next {
				polled, err := p.fetch(e)
				if err != nil {
					fmt.Fprintln(os.Stderr, e.id, err)
					atomic.AddInt64(&failed, 1)
					continue
				}
				p.sink.take(polled)
			}
		}()
	}
	for _, e := range p.endpoints {
		next <- e
	}
	close(next)
	all.Wait()
	return failed
}

func (p *poller) fetch(e endpoint) (snapshot, error) {
	if e.provider == "vast" {
		var listed []vastWorker
		body := []byte(`{"id":` + e.id + `}`)
		err := p.ask("POST", "/vast-run/get_endpoint_workers/", body, &listed)
		return snapshot{endpoint: e, workers: fromVast(listed)}, err
	}
	var listed runpodWorkers
	if err := p.ask("GET", "/runpod-api/v2/serverless/"+e.id+"/workers", nil, &listed); err != nil {
		return snapshot{}, err
	}
	queue := new(health)
	err := p.ask("GET", "/runpod-queue/v2/"+e.id+"/health", nil, queue)
	return snapshot{endpoint: e, workers: fromRunpod(listed), health: queue}, err
}

func (p *poller) ask(method, path string, body []byte, into interface{}) error {
	request, err := http.NewRequest(method, p.simulator+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+p.key)
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.Unmarshal(text, into)
}

func fromRunpod(listed runpodWorkers) []worker {
	workers := make([]worker, 0, len(listed.Workers))
	for _, w := range listed.Workers {
		one := worker{ID: w.ID, Status: runpodStatus(w.Status), GPU: w.GPUTypeID,
			Location: w.DataCenterID, Stale: w.IsStale, Uptime: w.UptimeSeconds, GPUs: w.GPUCount}
		if w.Version != nil {
			one.Version = fmt.Sprint(*w.Version)
		}
		if w.StartedAt != nil {
			started := float64(w.StartedAt.UnixMilli()) / 1000
			one.Started = &started
		}
		workers = append(workers, one)
	}
	return workers
}

func runpodStatus(word string) string {
	switch word {
	case "RUNNING", "IDLE", "INITIALIZING", "THROTTLED", "UNHEALTHY":
		return strings.ToLower(word)
	case "EXITED", "STOPPED":
		return "stopped"
	}
	return "unknown"
}

func fromVast(listed []vastWorker) []worker {
	now := float64(time.Now().UnixMilli()) / 1000
	workers := make([]worker, 0, len(listed))
	for i := range listed {
		w := &listed[i]
		one := worker{ID: w.ID.String(), Status: vastStatus(strings.ToLower(w.Status), w.RequestsWorking),
			GPU: w.GPUName, Stale: strings.HasPrefix(w.Status, "update_"), Started: w.StartedAt, Vast: w}
		if w.LoadedAt != nil && *w.LoadedAt == 0 {
			w.LoadedAt = nil
		}
		if w.StartedAt != nil && isReady(one.Status) {
			uptime := now - *w.StartedAt
			one.Uptime = &uptime
		}
		workers = append(workers, one)
	}
	return workers
}

func vastStatus(word string, requests *float64) string {
	switch word {
	case "idle", "ready", "running", "update_ready":
		if requests == nil {
			return "active"
		}
		if *requests > 0 {
			return "running"
		}
		return "idle"
	case "creating", "created", "pending", "loading", "model_loading", "starting", "rebooting",
		"update_rebooting", "update_starting":
		return "initializing"
	case "error", "unavail", "exited", "offline":
		return "unhealthy"
	case "stopping", "stop_queued", "stopped", "destroying":
		return "stopped"
	}
	return "unknown"
}

func isReady(status string) bool {
	return status == "running" || status == "idle" || status == "active"
}

func (w *vastWorker) benchmarked(status string) *float64 {
	result := 0.0
	if w.ReadyEver || w.LoadedAt != nil || isReady(status) {
		if w.MeasuredPerf == nil || w.DLPerf == nil {
			return nil
		}
		if *w.MeasuredPerf != *w.DLPerf {
			result = 1
		}
	}
	return &result
}
