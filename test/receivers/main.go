// Receivers of others' making, to send to: Pyroscope's push.v1 as its own generated code serves it, OpenTelemetry's
// profiles over gRPC and HTTP as the Collector's decoder reads them, and forms as Go reads them. What came is printed, one JSON document a line; the
// first line says at which ports.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"

	"connectrpc.com/connect"
	"github.com/google/pprof/profile"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
	"go.opentelemetry.io/collector/pdata/pprofile/pprofileotlp"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
)

type printer struct {
	mutex sync.Mutex
}

func (p *printer) print(document any) {
	line, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	fmt.Fprintf(os.Stdout, "%s\n", line)
}

// What google/pprof makes of a profile: it checks all of it.
type pprofFacts struct {
	SampleTypes []string `json:"sampleTypes"`
	Period      string   `json:"period"`
	Samples     int      `json:"samples"`
	Sums        []int64  `json:"sums"`
	Labels      int      `json:"labels"`
	TimeNanos   int64    `json:"timeNanos"`
}

func factsOf(raw []byte) (*pprofFacts, error) {
	parsed, err := profile.ParseData(raw)
	if err != nil {
		return nil, err
	}
	if err := parsed.CheckValid(); err != nil {
		return nil, err
	}
	facts := &pprofFacts{Samples: len(parsed.Sample), Sums: make([]int64, len(parsed.SampleType)), TimeNanos: parsed.TimeNanos}
	for _, valueType := range parsed.SampleType {
		facts.SampleTypes = append(facts.SampleTypes, valueType.Type+"/"+valueType.Unit)
	}
	facts.Period = fmt.Sprintf("%d %s/%s", parsed.Period, parsed.PeriodType.Type, parsed.PeriodType.Unit)
	for _, sample := range parsed.Sample {
		facts.Labels += len(sample.Label) + len(sample.NumLabel)
		for index, value := range sample.Value {
			facts.Sums[index] += value
		}
	}
	return facts, nil
}

type pusher struct {
	*printer
}

func (p pusher) Push(_ context.Context, request *connect.Request[pushv1.PushRequest]) (*connect.Response[pushv1.PushResponse], error) {
	for _, series := range request.Msg.Series {
		labels := map[string]string{}
		for _, label := range series.Labels {
			if _, twice := labels[label.Name]; twice {
				return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("label %s is there twice", label.Name))
			}
			labels[label.Name] = label.Value
		}
		if labels["__name__"] == "" || labels["service_name"] == "" {
			return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("a name is missing"))
		}
		for _, sample := range series.Samples {
			facts, err := factsOf(sample.RawProfile)
			if err != nil {
				return nil, connect.NewError(connect.CodeInvalidArgument, err)
			}
			p.print(map[string]any{"push": map[string]any{"labels": labels, "id": sample.ID, "profile": facts}})
		}
	}
	return connect.NewResponse(&pushv1.PushResponse{}), nil
}

type exporter struct {
	pprofileotlp.UnimplementedGRPCServer
	*printer
	over string
}

func (e *exporter) Export(_ context.Context, request pprofileotlp.ExportRequest) (pprofileotlp.ExportResponse, error) {
	// Before it is marshalled: that moves the attributes' texts into the dictionary.
	resources := []map[string]string{}
	for _, resource := range request.Profiles().ResourceProfiles().All() {
		attributes := map[string]string{}
		for key, value := range resource.Resource().Attributes().All() {
			attributes[key] = value.Str()
		}
		resources = append(resources, attributes)
	}
	samples := request.Profiles().SampleCount()
	document, err := request.MarshalJSON()
	if err != nil {
		return pprofileotlp.NewExportResponse(), err
	}
	e.print(map[string]any{"otlp": json.RawMessage(document), "over": e.over, "resources": resources, "samples": samples})
	response := pprofileotlp.NewExportResponse()
	for _, attributes := range resources {
		if attributes["service.name"] == "reject me" {
			response.PartialSuccess().SetRejectedProfiles(1)
			response.PartialSuccess().SetErrorMessage("as asked")
		}
	}
	return response, nil
}

func (e *exporter) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	reader := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(reader)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		reader = unpacked
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(reader); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	decoded := pprofileotlp.NewExportRequest()
	if err := decoded.UnmarshalProto(body.Bytes()); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	response, err := e.Export(request.Context(), decoded)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	bytes, err := response.MarshalProto()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	writer.Header().Set("Content-Type", "application/x-protobuf")
	writer.Write(bytes)
}

// Reads a form with Go's own reader, as Datakit and a Datadog intake in Go do.
type former struct {
	*printer
}

func (f former) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if err := request.ParseMultipartForm(1 << 25); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	defer request.MultipartForm.RemoveAll()
	files := map[string]any{}
	for name, headers := range request.MultipartForm.File {
		header := headers[0]
		file, err := header.Open()
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		content, err := io.ReadAll(file)
		file.Close()
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		facts := map[string]any{"fileName": header.Filename, "contentType": header.Header.Get("Content-Type")}
		if name == "event" {
			facts["event"] = json.RawMessage(content)
		} else if facts["profile"], err = factsOf(content); err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
			return
		}
		files[name] = facts
	}
	f.print(map[string]any{"files": files, "values": request.MultipartForm.Value})
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return listener
}

func main() {
	out := &printer{}
	mux := http.NewServeMux()
	mux.Handle(pushv1connect.NewPusherServiceHandler(pusher{out}))
	mux.Handle("/v1development/profiles", &exporter{printer: out, over: "http"})
	mux.Handle("/profiling/v1/input", former{out})
	server := grpc.NewServer()
	pprofileotlp.RegisterGRPCServer(server, &exporter{printer: out, over: "grpc"})
	overHTTP, overGRPC := listen(), listen()
	out.print(map[string]int{
		"http": overHTTP.Addr().(*net.TCPAddr).Port,
		"grpc": overGRPC.Addr().(*net.TCPAddr).Port,
	})
	go func() { panic(http.Serve(overHTTP, mux)) }()
	// Ends with whoever started it.
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	panic(server.Serve(overGRPC))
}
