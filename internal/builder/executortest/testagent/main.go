// Command testagent stands in for trtfarm's agent in the executors' suite: it
// does what a script says and prints what it finds.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/trtfarm/trtfarm/internal/builder/executortest"
	"github.com/trtfarm/trtfarm/internal/confine"
)

// devices is what the agent prints when it is called as nvidia-smi.
const devices = "0, Tesla T4, GPU-0a, 7.5, 15360, 535.104.05\n1, NVIDIA A100-SXM4-40GB, GPU-0b, 8.0, 40960, 535.104.05\n"

func main() {
	if filepath.Base(os.Args[0]) == "nvidia-smi" {
		fmt.Print(devices)
		return
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "testagent: a verb is missing")
		os.Exit(2)
	}
	var err error
	switch os.Args[1] {
	case "agent":
		err = agent()
	case "confine": // as trtfarm's own verb: confine -- PROGRAM ARGS
		err = confine.Exec(os.Args[3:], os.Environ())
	case "idle":
		time.Sleep(time.Hour)
	default:
		err = fmt.Errorf("unknown verb %q", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testagent:", err)
		os.Exit(99)
	}
}

func agent() error {
	var script executortest.Script
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&script); err != nil {
		return fmt.Errorf("read the script: %w", err)
	}
	if in.More() {
		return fmt.Errorf("standard input goes on after the script")
	}
	for _, op := range script.Ops {
		if err := do(op); err != nil {
			fmt.Println(op.Do, "error:", err)
		}
	}
	return nil
}

func do(op executortest.Op) error {
	switch op.Do {
	case executortest.Lines:
		out := bufio.NewWriter(os.Stdout)
		errs := bufio.NewWriter(os.Stderr)
		for i := range op.N {
			fmt.Fprintf(out, "line %d\n", i)
			if op.Text == "both" {
				fmt.Fprintf(errs, "line %d\n", i)
			}
		}
		errs.Flush()
		return out.Flush()
	case executortest.Exit:
		os.Exit(op.N)
	case executortest.Dial:
		c, err := net.DialTimeout("tcp", op.Text, 2*time.Second)
		if err != nil {
			return err
		}
		c.Close()
		fmt.Println("dial ok")
	case executortest.Env:
		for _, v := range os.Environ() {
			fmt.Printf("env %q\n", v)
		}
	case executortest.Write:
		if err := os.WriteFile(op.Path, []byte(op.Text), 0o644); err != nil {
			return err
		}
		fmt.Println("write ok")
	case executortest.Read:
		b, err := os.ReadFile(op.Path)
		if err != nil {
			return err
		}
		fmt.Printf("read %s\n", b)
	case executortest.List:
		entries, err := os.ReadDir(op.Path)
		if err != nil {
			return err
		}
		names := []string{}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		fmt.Println("list", strings.Join(names, " "))
	case executortest.Spawn:
		return spawn(op)
	case executortest.Ignore:
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		fmt.Println("ignore ok")
	case executortest.Hang:
		fmt.Println("hang")
		time.Sleep(time.Hour)
	case executortest.Self:
		dir, err := os.Getwd()
		if err != nil {
			return err
		}
		fmt.Printf("self %d %s %s\n", os.Getuid(), dir, os.Args[1])
	case executortest.Eat:
		b := make([]byte, op.N<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		fmt.Println("eat", len(b)>>20)
	default:
		return fmt.Errorf("unknown op")
	}
	return nil
}

// spawn starts a child that the agent never waits for. Its command line ends with
// the run, by which the suite finds it.
func spawn(op executortest.Op) error {
	cmd := exec.Command("/proc/self/exe", "idle", op.Path)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr // holds the agent's streams open
	switch op.Text {
	case "session":
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	case "stranger":
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Env, cmd.Dir = []string{"A=1"}, "/"
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Println("spawn ok")
	return nil
}
