package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// handshake is how Terraform and OpenTofu greet a provider.
var handshake = plugin.HandshakeConfig{
	ProtocolVersion:  6,
	MagicCookieKey:   "TF_PLUGIN_MAGIC_COOKIE",
	MagicCookieValue: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
}

// rawPlugin hands out the connection: the generated client of the protocol is not public.
type rawPlugin struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCServer implements plugin.GRPCPlugin.
func (rawPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("this side only asks")
}

// GRPCClient implements plugin.GRPCPlugin.
func (rawPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

// startProvider starts a provider as the tools do, with keys exchanged, and returns how long it
// took until its schema had come.
func startProvider(ctx context.Context, path string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, path) // #nosec G204 -- built here
	cmd.Env = os.Environ()
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: map[int]plugin.PluginSet{6: {"provider": rawPlugin{}}},
		Cmd:              cmd, AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS: true, Managed: true, SyncStderr: nil, Logger: hclog.NewNullLogger(),
	})
	defer client.Kill()
	start := time.Now()
	rpc, err := client.Client()
	if err != nil {
		return 0, fmt.Errorf("starting the provider %s: %w", path, err)
	}
	raw, err := rpc.Dispense("provider")
	if err != nil {
		return 0, fmt.Errorf("greeting the provider %s: %w", path, err)
	}
	conn, ok := raw.(*grpc.ClientConn)
	if !ok {
		return 0, fmt.Errorf("greeting the provider %s: got a %T", path, raw)
	}
	// The request has no fields that must be set, and of the answer only its arrival counts: an
	// empty message keeps all of it as fields that it does not know.
	err = conn.Invoke(ctx, "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, &emptypb.Empty{},
		grpc.MaxCallRecvMsgSize(64<<20))
	if err != nil {
		return 0, fmt.Errorf("asking the provider %s for its schema: %w", path, err)
	}
	return time.Since(start), nil
}

func startNothing(ctx context.Context, path string) (time.Duration, error) {
	start := time.Now()
	err := exec.CommandContext(ctx, path).Run() // #nosec G204 -- built here
	return time.Since(start), err
}

// starts measures how long the programs take from their start to their answer; they take turns.
func (l *lab) starts(ctx context.Context, n int) ([]startRow, error) {
	roles := []struct {
		name, until string
		start       func(context.Context, string) (time.Duration, error)
	}{
		{roleNothing, "it has ended", startNothing},
		{roleSmallest, "its schema has come", startProvider},
		{roleGroundwork, "its schema has come", startProvider},
	}
	took := map[string][]time.Duration{}
	for i := range n + 1 { // the first start only warms the caches
		for _, r := range roles {
			d, err := r.start(ctx, l.programs[r.name])
			if err != nil {
				return nil, err
			}
			if i > 0 {
				took[r.name] = append(took[r.name], d)
			}
		}
	}
	var rows []startRow
	for _, r := range roles {
		slices.Sort(took[r.name])
		rows = append(rows, startRow{Program: r.name, Until: r.until, Median: took[r.name][n/2], Fastest: took[r.name][0], Slowest: took[r.name][n-1]})
	}
	return rows, nil
}

func (l *lab) binaries() ([]binaryRow, error) {
	var rows []binaryRow
	for _, role := range []string{roleSmallest, roleGroundwork} {
		info, err := os.Stat(l.programs[role])
		if err != nil {
			return nil, fmt.Errorf("measuring the %s: %w", role, err)
		}
		rows = append(rows, binaryRow{Program: role, Bytes: info.Size()})
	}
	return rows, nil
}
