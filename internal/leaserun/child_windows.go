package leaserun

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// child is the running program. It shares the console, so that Ctrl-C and Ctrl-Break reach it by
// themselves.
type child struct {
	process *os.Process
	ended   chan int
}

// relayed are the signals that Windows knows. They are caught, so that this process outlives the
// child.
func relayed() []os.Signal { return []os.Signal{os.Interrupt} }

func stops(os.Signal) bool { return true }

// start starts the program. With Kill it is put into a job that the system ends together with this
// process.
func start(cmd *exec.Cmd, onLost OnLost) (*child, error) {
	var job windows.Handle
	if onLost == Kill {
		var err error
		if job, err = killOnCloseJob(); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, closeJob(job))
	}
	if job != 0 {
		if err := assign(job, cmd.Process.Pid); err != nil {
			return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait(), closeJob(job))
		}
	}
	c := &child{process: cmd.Process, ended: make(chan int, 1)}
	go func() {
		_ = cmd.Wait() // how it ended stands in ProcessState
		_ = closeJob(job)
		c.ended <- cmd.ProcessState.ExitCode()
	}()
	return c, nil
}

func (c *child) relay(os.Signal) {}

func (c *child) orphaned() bool { return false }

// interrupt sends Ctrl-C to everything at the console, as the key would. Without a console the child
// runs on.
func (c *child) interrupt() { _ = windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0) }

func (c *child) kill() { _ = c.process.Kill() }

func closeJob(job windows.Handle) error {
	if job == 0 {
		return nil
	}
	return windows.CloseHandle(job)
}

func killOnCloseJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("create a job object: %w", err)
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	// #nosec G103 -- the call takes a pointer to this structure
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return 0, errors.Join(fmt.Errorf("set up a job object: %w", err), windows.CloseHandle(job))
	}
	return job, nil
}

func assign(job windows.Handle, pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid)) // #nosec G115 -- a pid
	if err != nil {
		return fmt.Errorf("open process %d: %w", pid, err)
	}
	return errors.Join(windows.AssignProcessToJobObject(job, process), windows.CloseHandle(process))
}
