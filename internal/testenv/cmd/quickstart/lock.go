package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// lockKey is the object that locks the state of the second phase.
const lockKey = "coder/terraform.tfstate.tflock"

// meetLock runs two clients at once. The first one sits at the question whether to apply, and so
// holds the lock for as long as it takes to look at what the second one gets.
func (q *quickstart) meetLock(ctx context.Context) error {
	q.begin("Two people at once",
		"The first one has started an apply and sits at its question. The second one is refused,",
		"and told who holds the lock.")
	first := q.ask(ctx, coder, "apply", "-replace=terraform_data.coder")
	err := q.await(ctx, lockKey, first)
	if err == nil {
		err = q.meetAsSecond(ctx)
	}
	if err != nil {
		_, said := first.answer("no\n")
		return errors.Join(err, said)
	}
	output, err := first.answer("yes\n")
	if err != nil {
		return err
	}
	q.out.line("")
	q.out.text("The first one says yes, and the lock is gone with it:")
	if err := q.show(output, "Apply complete!"); err != nil {
		return err
	}
	if held, err := q.holds(ctx, lockKey); err != nil || held {
		return errors.Join(err, fmt.Errorf("%s was to be gone", lockKey))
	}
	plan, err := q.command(ctx, "second: ", coder, "plan", "-detailed-exitcode")
	if err != nil {
		return err
	}
	return q.show(plan, "No changes.")
}

func (q *quickstart) meetAsSecond(ctx context.Context) error {
	said, err := q.refuse(ctx, "second: ", coder, "plan")
	if err != nil {
		return err
	}
	return q.show(said, "Error acquiring the state lock", "Path:", "Operation:", "Who:")
}

// asking is a run that waits for an answer to its question.
type asking struct {
	answers *io.PipeWriter
	ended   chan struct{}
	// output and err are set when it has ended.
	output string
	err    error
}

// ask starts a run that asks before it does anything.
func (q *quickstart) ask(ctx context.Context, workspace string, args ...string) *asking {
	q.out.command("first: "+workspace, q.tool, args...)
	questions, answers := io.Pipe()
	a := &asking{answers: answers, ended: make(chan struct{})}
	cli := q.in(workspace)
	cli.Stdin, cli.Env = questions, append(cli.Env, "TF_INPUT=1")
	go func() {
		defer close(a.ended)
		result, err := cli.Run(ctx, args...)
		a.output = result.Output()
		if err == nil && result.ExitCode != 0 {
			err = fmt.Errorf("it ended with %d", result.ExitCode)
		}
		a.err = err
		_ = questions.Close() // nobody reads the answer any more
	}()
	return a
}

// answer answers the question and returns what the run said in all.
func (a *asking) answer(word string) (string, error) {
	_, _ = io.WriteString(a.answers, word) // it fails only when the run has ended, which shows below
	_ = a.answers.Close()
	<-a.ended
	if a.err != nil && word != "no\n" {
		return "", unexpected("the first one was to apply", a.output, a.err)
	}
	return a.output, nil
}

// await waits until an object is there, and gives up when the one who was to write it has ended.
func (q *quickstart) await(ctx context.Context, key string, writer *asking) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, fmt.Errorf("%s did not appear within a minute", key))
	defer cancel()
	for {
		if held, err := q.holds(ctx, key); err != nil || held {
			return err
		}
		select {
		case <-writer.ended:
			return unexpected("the first one was to hold the lock, and has ended", writer.output, writer.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
