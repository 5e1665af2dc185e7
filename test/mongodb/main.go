// The MongoDB-protocol server of the tests: FerretDB over SQLite files in one folder.
//
// FerretDB 1 changes a document in two steps (read it, write it back) without a lock in between, so two updates
// at once can both win. MongoDB and later FerretDBs do not have that fault. A thin front therefore hands the commands
// for one database to it one at a time, which gives every single-document change the atomicity that the protocol
// promises. Each test has a database of its own, which is a file of its own, so none waits for another.
package main

import (
	"bytes"
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
// The one of all commands (OP_MSG) goes on with flags, the kind of the first section, and a document.
const (
	lengthBytes     = 4
	operationAt     = 12
	operationMsg    = 2013
	bodyAt          = 21
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
	var turns sync.Map
	for {
		client, err := front.Accept()
		if err != nil {
			return
		}
		go serve(client, socket, &turns)
	}
}

// serve carries one connection's commands to FerretDB and its answers back. turns has a lock for each database.
func serve(client net.Conn, socket string, turns *sync.Map) {
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
		turn, _ := turns.LoadOrStore(databaseOf(request), new(sync.Mutex))
		turn.(*sync.Mutex).Lock()
		answer, err := ask(server, request)
		turn.(*sync.Mutex).Unlock()
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

// databaseOf finds the database that a command names in its $db, which comes behind everything that a caller sent;
// greetings name none.
func databaseOf(request []byte) string {
	if binary.LittleEndian.Uint32(request[operationAt:]) != operationMsg || len(request) < bodyAt+lengthBytes {
		return ""
	}
	body := request[bodyAt:]
	if size := binary.LittleEndian.Uint32(body); int(size) < len(body) {
		body = body[:size]
	}
	field := []byte("\x02$db\x00")
	at := bytes.LastIndex(body, field)
	if at < 0 {
		return ""
	}
	name, _, _ := bytes.Cut(body[at+len(field)+lengthBytes:], []byte{0})

	return string(name)
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
