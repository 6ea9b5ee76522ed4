// Colors one pattern with ColPack in one way and several orders, and prints what it took.
//
// driver FILE WAY REPEATS ORDER...
//
// FILE holds int32 numbers: rows, columns, entries, row pointers, column indices.
// WAY is columns, rows, star, acyclic or bidirectional.
// Prints one line for each order: its name, the colors, and the best CPU time in seconds of ordering
// and coloring together. A new graph is built, outside of the time, for every repetition.

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "ColPack/ColPackHeaders.h"

using ColPack::BipartiteGraphBicoloringInterface;
using ColPack::BipartiteGraphPartialColoringInterface;
using ColPack::GraphColoringInterface;

struct Pattern {
    int rows = 0, columns = 0, entries = 0;
    std::vector<int> pointers, indices;
    // ColPack's row compressed format: for each row its length, then its columns
    std::vector<std::vector<unsigned int>> lists;
    std::vector<unsigned int *> table;
};

static Pattern read(const char *name) {
    std::ifstream file(name, std::ios::binary);
    Pattern p;
    auto take = [&](int *to, size_t count) {
        file.read(reinterpret_cast<char *>(to), static_cast<std::streamsize>(count * sizeof(int)));
    };
    take(&p.rows, 1);
    take(&p.columns, 1);
    take(&p.entries, 1);
    p.pointers.resize(p.rows + 1);
    p.indices.resize(p.entries);
    take(p.pointers.data(), p.pointers.size());
    take(p.indices.data(), p.indices.size());
    if (!file) throw std::runtime_error("the pattern file is too short");
    p.lists.resize(p.rows);
    p.table.resize(p.rows);
    for (int i = 0; i < p.rows; i++) {
        p.lists[i].push_back(p.pointers[i + 1] - p.pointers[i]);
        p.lists[i].insert(p.lists[i].end(), p.indices.begin() + p.pointers[i],
                          p.indices.begin() + p.pointers[i + 1]);
        p.table[i] = p.lists[i].data();
    }
    return p;
}

static double cpu() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// The number of colors that are evaluated: 0 for a row, and more than `none` for a column, says no.
static int distinct(const std::vector<int> &colors, int none) {
    std::set<int> found(colors.begin(), colors.end());
    return static_cast<int>(std::count_if(found.begin(), found.end(),
                                          [&](int c) { return 0 < c && c <= none; }));
}

// Colors once; returns the number of colors and writes the seconds.
static int color(Pattern &p, const std::string &way, const std::string &order, double &seconds) {
    if (way == "columns" || way == "rows") {
        BipartiteGraphPartialColoringInterface graph(SRC_MEM_CSR, p.pointers.data(), p.rows,
                                                     p.columns, p.indices.data());
        const double start = cpu();
        graph.PartialDistanceTwoColoring(
            order, way == "rows" ? "ROW_PARTIAL_DISTANCE_TWO" : "COLUMN_PARTIAL_DISTANCE_TWO");
        seconds = cpu() - start;
        return graph.GetVertexColorCount();
    }
    if (way == "bidirectional") {
        BipartiteGraphBicoloringInterface graph(SRC_MEM_ADOLC, p.table.data(), p.rows, p.columns);
        const double start = cpu();
        graph.Bicoloring(order, "IMPLICIT_COVERING__STAR_BICOLORING");
        seconds = cpu() - start;
        std::vector<int> left, right;
        graph.GetLeftVertexColors(left);
        graph.GetRightVertexColors(right);
        const int none = p.rows + p.columns;
        return distinct(left, none) + distinct(right, none);
    }
    GraphColoringInterface graph(SRC_MEM_ADOLC, p.table.data(), p.rows);
    const double start = cpu();
    graph.Coloring(order, way == "star" ? "STAR" : "ACYCLIC_FOR_INDIRECT_RECOVERY");
    seconds = cpu() - start;
    return graph.GetVertexColorCount();
}

int main(int count, char **arguments) {
    if (count < 5) {
        std::cerr << "usage: driver FILE WAY REPEATS ORDER...\n";
        return 2;
    }
    Pattern p = read(arguments[1]);
    const std::string way = arguments[2];
    const int repeats = std::stoi(arguments[3]);
    for (int k = 4; k < count; k++) {
        double best = 1e300;
        int colors = 0;
        // ColPack writes remarks to the standard output
        std::ostringstream remarks;
        std::streambuf *screen = std::cout.rdbuf(remarks.rdbuf());
        for (int r = 0; r < repeats; r++) {
            double seconds = 0.0;
            colors = color(p, way, arguments[k], seconds);
            best = std::min(best, seconds);
        }
        std::cout.rdbuf(screen);
        std::cout << arguments[k] << ' ' << colors << ' ' << best << std::endl;
    }
    return 0;
}
