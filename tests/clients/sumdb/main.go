// Checks a log's folder with Go's own sumdb packages: checkpoint signature, tile hashes, inclusion of every
// entry, consistency with kept checkpoints. Usage: sumdb FOLDER VKEY [KEPT-CHECKPOINT ...]
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type folder string

func (f folder) Height() int                      { return height }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := f.read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), tile.W*tlog.HashSize)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// read gives a tile; where a partial one was removed, the beginning of the full one (tlog-tiles).
func (f folder) read(name string, bytes int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(f), name))
	if full, _, partial := strings.Cut(name, ".p/"); err != nil && partial {
		if data, err = os.ReadFile(filepath.Join(string(f), full)); err == nil && bytes >= 0 {
			data = data[:bytes]
		}
	}
	return data, err
}

func head(path, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if lines[0] != verifier.Name() || len(lines) < 4 {
		return tlog.Tree{}, fmt.Errorf("%s is of another log", path)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func check(f folder, vkey string, kept []string) error {
	tree, err := head(filepath.Join(string(f), "checkpoint"), vkey)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, f)
	for first := int64(0); first < tree.N; first += 1 << height {
		tile := tlog.TileForIndex(height, tlog.StoredHashIndex(0, first))
		if tile.W = int(tree.N - first); tile.W > 1<<height {
			tile.W = 1 << height
		}
		bundle, err := f.read(strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1), -1)
		if err != nil {
			return err
		}
		for i := first; i < first+int64(tile.W); i++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry %d is missing", i)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			proof, err := tlog.ProveRecord(tree.N, i, hashes)
			if err == nil {
				err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(bundle[2:end]))
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
			bundle = bundle[end:]
		}
	}
	for _, path := range kept {
		old, err := head(path, vkey)
		if err != nil {
			return err
		}
		if old.N > tree.N {
			return fmt.Errorf("%s counts %d entries, the log %d", path, old.N, tree.N)
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Println("holds", tree.N)
	return nil
}

func main() {
	log.SetFlags(0)
	if err := check(folder(os.Args[1]), os.Args[2], os.Args[3:]); err != nil {
		log.Fatal("FAILED: ", err)
	}
}
