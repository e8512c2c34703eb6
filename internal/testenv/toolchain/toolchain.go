package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// CacheVariable names the environment variable that moves the cache of built programs.
const CacheVariable = "GROUNDWORK_TOOLS_DIR"

// Tool is a program that is ready to run.
type Tool struct {
	Name, Version, Path string
	// Built says that this call built it, and Took how long the call took in all.
	Built bool
	Took  time.Duration
}

// Path returns the path of a pinned program and builds it if it is absent.
func Path(ctx context.Context, name string) (string, error) {
	tool, err := Ensure(ctx, name)
	return tool.Path, err
}

// Ensure finds a program, building it if it is absent, and says what it found. Any number of
// processes may call it at once: one builds, the others wait for it.
func Ensure(ctx context.Context, name string) (Tool, error) {
	start := time.Now()
	p, err := findPin(name)
	if err != nil {
		return Tool{}, err
	}
	tool, err := p.ensure(ctx)
	if err != nil {
		return Tool{}, fmt.Errorf("the tool %s is not available: %w", name, err)
	}
	tool.Name, tool.Took = name, time.Since(start)
	return tool, nil
}

func (p pin) ensure(ctx context.Context) (Tool, error) {
	tool, err := p.installed(ctx)
	if err != nil || tool.Path != "" {
		return tool, err
	}
	src, err := p.source()
	if err != nil {
		return Tool{}, err
	}
	dir, err := cacheDir()
	if err != nil {
		return Tool{}, err
	}
	folder := filepath.Join(dir, p.name+"-"+src.version)
	tool = Tool{Version: src.version, Path: filepath.Join(folder, p.name)}
	if runtime.GOOS == "windows" {
		tool.Path += ".exe"
	}
	if p.kind != goModule {
		tool.Path = p.program(folder)
	}
	if p.whole(tool.Path) {
		return tool, nil
	}
	tool.Built, err = p.buildOnce(ctx, src, folder, tool.Path)
	return tool, err
}

func (p pin) buildOnce(ctx context.Context, src source, dir, path string) (built bool, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return false, fmt.Errorf("making its folder in the cache (%s moves the cache): %w", CacheVariable, err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return false, fmt.Errorf("waiting for another process that builds it: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()

	if p.whole(path) { // the process that held the lock built it
		return false, nil
	}
	if p.kind != goModule {
		return true, p.install(ctx, src, path)
	}
	return true, p.build(ctx, src, path)
}

func cacheDir() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		// A test runs in the folder of its package, where a relative path would mean another place.
		if !filepath.IsAbs(dir) {
			return "", fmt.Errorf("%s is %q; set it to an absolute path", CacheVariable, dir)
		}
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache (set %s to a folder to build into): %w", CacheVariable, err)
	}
	return filepath.Join(dir, "groundwork", "tools"), nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	return runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0
}
