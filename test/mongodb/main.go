// The MongoDB-protocol server of the tests: FerretDB over SQLite files in one folder.
//
// FerretDB 1 changes a document in two steps (read it, write it back) without a lock in between, so two updates
// at once can both win. MongoDB and later FerretDBs do not have that fault. A thin front therefore hands commands
// to it one at a time, which gives every single-document change the atomicity that the protocol promises.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// A message of the MongoDB wire protocol begins with its own length; 48 MB is the most that MongoDB allows.
const (
	lengthBytes     = 4
	messageBytesMin = 16
	messageBytesMax = 48_000_000
)

func main() {
	folder := flag.String("folder", "", "existing folder for the database files")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Standard input ends with the parent, however that died: no server is left behind.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	if err := run(ctx, *folder, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder, listen string) error {
	socket := filepath.Join(folder, "ferretdb.sock")
	_ = os.Remove(socket)
	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{Unix: socket},
		Logger:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:  "sqlite",
		// The tests end this server, never the machine: waiting for the disk would only make them slow.
		SQLiteURL: "file:" + folder + "/?_pragma=synchronous(off)",
	})
	if err != nil {
		return err
	}

	front, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("mongodb://%s/\n", front.Addr())

	go accept(front, socket)
	err = server.Run(ctx)
	_ = front.Close()

	return err
}

func accept(front net.Listener, socket string) {
	var turn sync.Mutex
	for {
		client, err := front.Accept()
		if err != nil {
			return
		}
		go serve(client, socket, &turn)
	}
}

// serve carries one connection's commands to FerretDB and its answers back, one command of all at a time.
func serve(client net.Conn, socket string, turn *sync.Mutex) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()

	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		turn.Lock()
		answer, err := ask(server, request)
		turn.Unlock()
		if err != nil {
			return
		}
		if _, err = client.Write(answer); err != nil {
			return
		}
	}
}

func ask(server net.Conn, request []byte) ([]byte, error) {
	if _, err := server.Write(request); err != nil {
		return nil, err
	}

	return readMessage(server)
}

func readMessage(from io.Reader) ([]byte, error) {
	length := make([]byte, lengthBytes)
	if _, err := io.ReadFull(from, length); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(length)
	if size < messageBytesMin || size > messageBytesMax {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	message := make([]byte, size)
	copy(message, length)
	_, err := io.ReadFull(from, message[lengthBytes:])

	return message, err
}
