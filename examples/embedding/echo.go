// A data channel that says everything back, in Go: an offer on one line of the input, the answer on one of the output, both as
// browsers write them ({"type": …, "sdp": …}). SIGINT ends it.
//
//	go mod init echo && go mod edit -require janusrs@v0.1.0 -replace janusrs=…/bindings/go && go run echo.go
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"janusrs"
)

func answer(core *janusrs.Core, offer string) error {
	peer, err := core.Peer(janusrs.PeerOptions{})
	if err != nil {
		return err
	}
	peer.OnState = func(state string) { fmt.Fprintln(os.Stderr, state) }
	peer.OnClosed = func(reason string) { fmt.Fprintln(os.Stderr, "closed:", reason) }
	peer.OnChannel = func(channel *janusrs.Channel) {
		channel.OnMessage = func(data []byte, binary bool) {
			if err := channel.Send(data, binary); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
	if err := peer.Accept(offer); err != nil {
		return err
	}
	sdp, err := peer.Describe(false)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"type": "answer", "sdp": sdp})
}

func main() {
	config := map[string]string{}
	if addresses := os.Getenv("ADDRESSES"); addresses != "" {
		config["nat.ice_enforce_list"] = addresses
	}
	core, err := janusrs.Start(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if err := answer(core, lines.Text()); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	<-interrupted
	if err := core.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "bye")
}
