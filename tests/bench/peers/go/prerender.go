package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// store does as kube-state-metrics does: each object's lines are rendered when the object comes in,
// family by family; a scrape writes them out as they are, through compress/gzip if asked to.
type store struct {
	mutex   sync.RWMutex
	objects map[string][][]byte   // By object: the lines of each family.
	of      map[endpoint][]string // Which objects an endpoint has.
	headers []string
}

func newStore() *store {
	s := &store{objects: map[string][][]byte{}, of: map[endpoint][]string{}}
	for _, f := range append(append([]family{}, workerFamilies...), endpointFamilies...) {
		kind := "gauge"
		if f.counter {
			kind = "counter"
		}
		s.headers = append(s.headers, "# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+kind+"\n")
	}
	return s
}

func (s *store) take(polled snapshot) {
	rendered := make(map[string][][]byte, len(polled.workers)+1)
	names := make([]string, 0, len(polled.workers)+1)
	add := func(name string, lines [][]byte) {
		name = polled.provider + "/" + polled.id + "/" + name
		rendered[name] = lines
		names = append(names, name)
	}
	for i := range polled.workers {
		add(polled.workers[i].ID, renderWorker(polled.endpoint, &polled.workers[i]))
	}
	if polled.health != nil {
		add("", renderHealth(polled.endpoint, polled.health))
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, name := range s.of[polled.endpoint] {
		if _, stays := rendered[name]; !stays {
			delete(s.objects, name)
		}
	}
	for name, lines := range rendered {
		s.objects[name] = lines
	}
	s.of[polled.endpoint] = names
}

func renderWorker(e endpoint, w *worker) [][]byte {
	lines := make([][]byte, len(workerFamilies))
	forWorker(w, func(index int, value float64, labels ...string) {
		f := &workerFamilies[index]
		line := startLine(f.name, e)
		line = appendLabel(append(line, ','), "worker_id", w.ID)
		for i, label := range labels {
			line = appendLabel(append(line, ','), f.labels[i], label)
		}
		lines[index] = endLine(line, value)
	})
	return lines
}

func renderHealth(e endpoint, h *health) [][]byte {
	lines := make([][]byte, len(workerFamilies)+len(endpointFamilies))
	forHealth(h, func(index int, value float64) {
		line := startLine(endpointFamilies[index].name, e)
		lines[len(workerFamilies)+index] = endLine(line, value)
	})
	return lines
}

func startLine(name string, e endpoint) []byte {
	line := append([]byte(name), '{')
	line = appendLabel(line, "provider", e.provider)
	line = appendLabel(append(line, ','), "account", account)
	return appendLabel(append(line, ','), "endpoint_id", e.id)
}

var escaper = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func appendLabel(line []byte, name, value string) []byte {
	line = append(append(line, name...), '=', '"')
	return append(append(line, escaper.Replace(value)...), '"')
}

func endLine(line []byte, value float64) []byte {
	return append(strconv.AppendFloat(append(line, '}', ' '), value, 'f', -1, 64), '\n')
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		s.writeAll(w)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	compressed := gzip.NewWriter(w)
	s.writeAll(compressed)
	compressed.Close()
}

func (s *store) writeAll(w io.Writer) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	// A map's order is random and compresses badly: sorted, as the other contenders' pages are.
	names := make([]string, 0, len(s.objects))
	for name := range s.objects {
		names = append(names, name)
	}
	sort.Strings(names)
	for index, header := range s.headers {
		io.WriteString(w, header)
		for _, name := range names {
			if lines := s.objects[name]; index < len(lines) {
				w.Write(lines[index])
			}
		}
	}
}
