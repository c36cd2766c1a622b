// A plug-in for the tests, on NRI's own stub. It writes every request to a file, a JSON object a line, and does what its rules
// say: answer adjustments and updates, fail, wait, die. Rules come from the environment (NRI_TEST), from the runtime's
// Configure, and, one JSON object a line, from stdin; "update" there asks for container updates at once.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/nri/pkg/api"
	"github.com/containerd/nri/pkg/stub"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type rule struct {
	// Milliseconds before the answer.
	Delay int    `json:"delay"`
	Error string `json:"error"`
	// The process ends in the middle of the request.
	Exit bool `json:"exit"`
	// Only so many times; 0 is for ever.
	Times int `json:"times"`
	// Only for the container of that name.
	Container string            `json:"container"`
	Adjust    json.RawMessage   `json:"adjust"`
	Update    []json.RawMessage `json:"update"`
	// Asked for in the middle of the request, by a call of the plug-in's own.
	UpdateNow []json.RawMessage `json:"updateNow"`
}

type config struct {
	Name   string           `json:"name"`
	Index  string           `json:"index"`
	Socket string           `json:"socket"`
	Log    string           `json:"log"`
	Events string           `json:"events"`
	Rules  map[string]*rule `json:"rules"`
}

type command struct {
	Rules  map[string]*rule  `json:"rules"`
	Update []json.RawMessage `json:"update"`
}

type plugin struct {
	mutex sync.Mutex
	config
	log  *os.File
	stub stub.Stub
}

func main() {
	p := &plugin{}
	if text := os.Getenv("NRI_TEST"); text != "" {
		must(json.Unmarshal([]byte(text), &p.config))
	}
	options := []stub.Option{stub.WithOnClose(func() {
		p.write("Closed", nil)
		os.Exit(0)
	})}
	if p.Name != "" {
		options = append(options, stub.WithPluginName(p.Name), stub.WithPluginIdx(p.Index))
	}
	if p.Socket != "" {
		options = append(options, stub.WithSocketPath(p.Socket))
	}
	s, err := stub.New(p, options...)
	must(err)
	p.stub = s
	go p.obey()
	if err := s.Run(context.Background()); err != nil {
		p.write("Ended", map[string]any{"error": err.Error()})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func (p *plugin) obey() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var wanted command
		if err := json.Unmarshal(lines.Bytes(), &wanted); err != nil {
			p.write("BadCommand", map[string]any{"error": err.Error()})
			continue
		}
		if wanted.Rules != nil {
			p.mutex.Lock()
			p.Rules = wanted.Rules
			p.mutex.Unlock()
			p.write("RulesSet", nil)
		}
		if wanted.Update != nil {
			go p.ask(wanted.Update)
		}
	}
}

func (p *plugin) ask(texts []json.RawMessage) {
	updates, err := parseUpdates(texts)
	if err == nil {
		var failed []*api.ContainerUpdate
		failed, err = p.stub.UpdateContainers(updates)
		ids := []string{}
		for _, update := range failed {
			ids = append(ids, update.ContainerId)
		}
		if err == nil {
			p.write("Updated", map[string]any{"failed": ids})
			return
		}
	}
	p.write("Updated", map[string]any{"error": err.Error()})
}

func parseUpdates(texts []json.RawMessage) ([]*api.ContainerUpdate, error) {
	var updates []*api.ContainerUpdate
	for _, text := range texts {
		update := &api.ContainerUpdate{}
		if err := protojson.Unmarshal(text, update); err != nil {
			return nil, err
		}
		updates = append(updates, update)
	}
	return updates, nil
}

func (p *plugin) write(event string, fields map[string]any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.log == nil {
		if p.Log == "" {
			return
		}
		file, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		must(err)
		p.log = file
	}
	if fields == nil {
		fields = map[string]any{}
	}
	fields["event"] = event
	fields["at"] = time.Now().UnixNano()
	text, err := json.Marshal(fields)
	must(err)
	_, err = p.log.Write(append(text, '\n'))
	must(err)
}

func plain(message proto.Message) json.RawMessage {
	text, err := protojson.Marshal(message)
	must(err)
	return text
}

// Writes the request down and does what its rule says.
func (p *plugin) on(event string, pod *api.PodSandbox, container *api.Container, more map[string]any) (*rule, error) {
	fields := map[string]any{}
	for key, value := range more {
		fields[key] = value
	}
	if pod != nil {
		fields["pod"] = plain(pod)
	}
	if container != nil {
		fields["container"] = plain(container)
	}
	p.write(event, fields)
	return p.obeyRule(event, container)
}

func (p *plugin) obeyRule(event string, container *api.Container) (*rule, error) {
	p.mutex.Lock()
	found := p.Rules[event]
	if found != nil && found.Container != "" && found.Container != container.GetName() {
		found = nil
	}
	if found != nil && found.Times > 0 {
		found.Times--
		if found.Times == 0 {
			delete(p.Rules, event)
		}
	}
	p.mutex.Unlock()
	if found == nil {
		return &rule{}, nil
	}
	if found.UpdateNow != nil {
		p.ask(found.UpdateNow)
	}
	time.Sleep(time.Duration(found.Delay) * time.Millisecond)
	if found.Exit {
		os.Exit(9)
	}
	if found.Error != "" {
		return found, errors.New(found.Error)
	}
	return found, nil
}

func (p *plugin) Configure(_ context.Context, text, runtime, version string) (api.EventMask, error) {
	if text != "" {
		p.mutex.Lock()
		err := json.Unmarshal([]byte(text), &p.config)
		p.mutex.Unlock()
		if err != nil {
			return 0, err
		}
	}
	_, err := p.on("Configure", nil, nil, map[string]any{
		"config": text, "runtime": runtime, "version": version,
		"registrationTimeout": p.stub.RegistrationTimeout().Milliseconds(),
		"requestTimeout":      p.stub.RequestTimeout().Milliseconds(),
		"environment":         strings.Join(os.Environ(), " "),
	})
	if err != nil || p.Events == "" {
		return 0, err
	}
	return api.ParseEventMask(p.Events)
}

func (p *plugin) Synchronize(_ context.Context, pods []*api.PodSandbox, containers []*api.Container) ([]*api.ContainerUpdate, error) {
	podIDs, containerIDs, states := []string{}, []string{}, map[string]string{}
	for _, pod := range pods {
		podIDs = append(podIDs, pod.Id)
	}
	for _, container := range containers {
		containerIDs = append(containerIDs, container.Id)
		states[container.Id] = container.State.String()
	}
	done, err := p.on("Synchronize", nil, nil, map[string]any{"pods": podIDs, "containers": containerIDs, "states": states})
	if err != nil {
		return nil, err
	}
	return parseUpdates(done.Update)
}

func (p *plugin) Shutdown(context.Context) { p.write("Shutdown", nil) }

func (p *plugin) RunPodSandbox(_ context.Context, pod *api.PodSandbox) error {
	_, err := p.on("RunPodSandbox", pod, nil, nil)
	return err
}

func (p *plugin) UpdatePodSandbox(_ context.Context, pod *api.PodSandbox, overhead, resources *api.LinuxResources) error {
	_, err := p.on("UpdatePodSandbox", pod, nil, map[string]any{"overhead": plain(overhead), "resources": plain(resources)})
	return err
}

func (p *plugin) PostUpdatePodSandbox(_ context.Context, pod *api.PodSandbox) error {
	_, err := p.on("PostUpdatePodSandbox", pod, nil, nil)
	return err
}

func (p *plugin) StopPodSandbox(_ context.Context, pod *api.PodSandbox) error {
	_, err := p.on("StopPodSandbox", pod, nil, nil)
	return err
}

func (p *plugin) RemovePodSandbox(_ context.Context, pod *api.PodSandbox) error {
	_, err := p.on("RemovePodSandbox", pod, nil, nil)
	return err
}

func (p *plugin) CreateContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) (*api.ContainerAdjustment, []*api.ContainerUpdate, error) {
	done, err := p.on("CreateContainer", pod, container, nil)
	if err != nil {
		return nil, nil, err
	}
	updates, err := parseUpdates(done.Update)
	if err != nil || done.Adjust == nil {
		return nil, updates, err
	}
	adjustment := &api.ContainerAdjustment{}
	if err := protojson.Unmarshal(done.Adjust, adjustment); err != nil {
		return nil, nil, err
	}
	return adjustment, updates, nil
}

func (p *plugin) PostCreateContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) error {
	_, err := p.on("PostCreateContainer", pod, container, nil)
	return err
}

func (p *plugin) StartContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) error {
	_, err := p.on("StartContainer", pod, container, nil)
	return err
}

func (p *plugin) PostStartContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) error {
	_, err := p.on("PostStartContainer", pod, container, nil)
	return err
}

func (p *plugin) UpdateContainer(_ context.Context, pod *api.PodSandbox, container *api.Container, resources *api.LinuxResources) ([]*api.ContainerUpdate, error) {
	done, err := p.on("UpdateContainer", pod, container, map[string]any{"resources": plain(resources)})
	if err != nil {
		return nil, err
	}
	return parseUpdates(done.Update)
}

func (p *plugin) PostUpdateContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) error {
	_, err := p.on("PostUpdateContainer", pod, container, nil)
	return err
}

func (p *plugin) StopContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) ([]*api.ContainerUpdate, error) {
	done, err := p.on("StopContainer", pod, container, nil)
	if err != nil {
		return nil, err
	}
	return parseUpdates(done.Update)
}

func (p *plugin) RemoveContainer(_ context.Context, pod *api.PodSandbox, container *api.Container) error {
	_, err := p.on("RemoveContainer", pod, container, nil)
	return err
}

func (p *plugin) ValidateContainerAdjustment(_ context.Context, request *api.ValidateContainerAdjustmentRequest) error {
	_, err := p.on("ValidateContainerAdjustment", request.Pod, request.Container, map[string]any{
		"adjust": plain(request.Adjust), "owners": plain(request.Owners), "plugins": len(request.Plugins),
	})
	return err
}
