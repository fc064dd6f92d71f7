"""A fuzzer of the readers: damages small files of every layout and looks whether each still makes bars or a sentence.

``python tests/fuzz/fuzz_readers.py --seconds 3600`` runs it; what it finds is written to ``tests/fuzz/found`` and is
replayed by ``test_found.py`` ever after. ``--seeds FOLDER`` adds real files to start from.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import math
import random
import re
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np

from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.preview import preview_bars
from research_kit.bars.importing.reading import Reading, read_bars
from research_kit.bars.quality.report import QualityReport
from research_kit.errors import ResearchKitError

FOUND = Path(__file__).parent / "found"
LONGEST_SENTENCE = 900
SLOWEST = 20.0  # seconds of computing: a machine may be busy, or stopped
SMALL = 100_000  # bytes of a seed
TOKENS = (
    *(
        b",",
        b";",
        b"\t",
        b"|",
        b'"',
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"-",
        b".",
        b"e308",
        b"nan",
        b"inf",
        b"-inf",
        b"null",
    ),
    *(b"9999-12-31", b"1600-01-01", b"2020-02-30", b"24:00", b"+25:00", b"1e400", b"0", b"-1", b"99999999999999999999"),
    *(
        b"<script>",
        b"=cmd()",
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xe9",
        "日期".encode("gbk"),
    ),
)
OPTIONS = (
    {},
    {"timezone": "UTC"},
    {"timezone": "America/New_York", "drop_bad": True, "drop_duplicates": "first"},
    {"timezone": "UTC", "drop_bad": True, "drop_duplicates": "last", "allow_nonpositive": True},
    {"timezone": "Europe/Athens", "ambiguous": "infer", "nonexistent": "shift", "drop_bad": True},
    {"timezone": "UTC", "timeframe": "1min", "symbol": "AAPL", "drop_bad": True, "drop_duplicates": "first"},
    {"columns": ["time", "open", "high", "low", "close", "volume"], "timezone": "UTC", "day_first": True},
    {"session": "XNYS", "timezone": "America/New_York", "drop_bad": True},
)


DAYS = [f"2020-01-{day:02d}" for day in range(2, 31)]
EPOCHS = [1_577_923_200 + 60 * at for at in range(len(DAYS))]
PRICES = [(100 + at, 101 + at, 99.5 + at, 100.5 + at, 1000 + at) for at in range(len(DAYS))]
NAMES = ("open", "high", "low", "close", "volume")


def seeds() -> list[bytes]:
    """Return small files of many layouts, made here."""
    texts = delimited()
    return [*texts, texts[0].decode().encode("utf-16"), *json_texts(), *columnar()]


def table(separator: str, header: str, first: list[object], *, end: str = "\n", comma: bool = False) -> bytes:
    """Return the prices as lines of text behind their first cells."""
    lines = [separator.join(map(str, (one, *price))) for one, price in zip(first, PRICES, strict=True)]
    text = end.join([header, *lines] if header else lines) + end
    return (text.replace(".", ",") if comma else text).encode()


def delimited() -> list[bytes]:
    clocks = [f"{day} 09:30:00" for day in DAYS]
    ticks = b"".join(b"%d.5,%d,0.1\n" % (epoch, 100 + epoch % 7) for epoch in EPOCHS)
    return [
        table(",", "Date,Open,High,Low,Close,Volume", DAYS),
        table(";", "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", DAYS, end="\r\n", comma=True),
        table("\t", "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>", clocks),
        table(",", "", [epoch * 1000 for epoch in EPOCHS]),
        table(",", "timestamp,open,high,low,close,volume", [f"{day}T09:30:00Z" for day in DAYS]),
        table(",", "time,open,high,low,close,Volume", [f"{day}T09:30:00-05:00" for day in DAYS]),
        table(",", "Gmt time,Open,High,Low,Close,Volume", [f"{day[8:]}.01.2020 22:00:00.000" for day in DAYS]),
        table("\t", "Date\tOpen\tHigh\tLow\tClose\tVolume", list(range(43_832, 43_832 + len(DAYS)))),
        table(",", "", [f"2020.01.{day[8:]},22:00" for day in DAYS]),
        table(",", "https://example.org\nUnix Timestamp,Open,High,Low,Close,Volume", EPOCHS),
        "日期,开盘,最高,最低,收盘,成交量\n".encode("gbk") + table(",", "", DAYS),
        table(",", "Date,AAPL_Open,AAPL_High,AAPL_Low,AAPL_Close,AAPL_Volume", DAYS),
        table(",", "date,SPY,MSFT,GOOG,AAPL,IBM", DAYS),
        b"timestamp,price,amount\n" + ticks,
    ]


def json_texts() -> list[bytes]:
    klines = [
        [1000 * epoch, *map(str, price), 1000 * epoch + 59_999, "1", 7, "1", "1", "0"]
        for epoch, price in zip(EPOCHS, PRICES, strict=True)
    ]
    objects = [{"date": day} | dict(zip(NAMES, price, strict=True)) for day, price in zip(DAYS, PRICES, strict=True)]
    series = {
        day: {f"{at}. {name}": str(value) for at, (name, value) in enumerate(zip(NAMES, price, strict=True), start=1)}
        for day, price in zip(DAYS, PRICES, strict=True)
    }
    results = [
        {"t": 1000 * epoch} | dict(zip("ohlcv", price, strict=True))
        for epoch, price in zip(EPOCHS, PRICES, strict=True)
    ]
    details = {"2. Symbol": "SPY", "5. Time Zone": "US/Eastern"}
    values: list[object] = [
        klines,
        objects,
        {name: [row[name] for row in objects] for name in objects[0]},
        {"Meta Data": details, "Time Series (Daily)": series},
        {"ticker": "SPY", "status": "OK", "results": results},
    ]
    return [*(json.dumps(value).encode() for value in values), "\n".join(map(json.dumps, objects)).encode()]


def columnar() -> list[bytes]:
    """Return the prices as Parquet, Feather and an Arrow stream."""
    import pyarrow as pa
    from pyarrow import feather, parquet

    frame = pa.table({"date": DAYS} | {name: [row[at] for row in PRICES] for at, name in enumerate(NAMES)})
    parts = []
    for write in (parquet.write_table, feather.write_feather):
        sink = pa.BufferOutputStream()
        write(frame, sink)
        parts.append(sink.getvalue().to_pybytes())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, frame.schema) as writer:
        writer.write_table(frame)
    return [*parts, sink.getvalue().to_pybytes()]


def damaged(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return a file with one to six things done to it, now and then packed."""
    for _ in range(chance.randint(1, 6)):
        content = chance.choice(DAMAGES)(content, others, chance) or b"\n"
    if chance.random() < 0.03:
        return gzip.compress(content)
    if chance.random() < 0.03:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("bars.csv", content)
        return packed.getvalue()
    return content


def part_of(content: bytes, chance: random.Random) -> tuple[int, int]:
    at = chance.randrange(len(content) + 1)
    return at, min(len(content), at + chance.choice((1, 4, 40, 400)))


def cut(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at, to = part_of(content, chance)
    return content[:at] + content[to:]


def repeated(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at, to = part_of(content, chance)
    return content[:at] + content[at:to] * chance.randint(2, 9) + content[to:]


def token(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at, to = part_of(content, chance)
    return content[:at] + chance.choice(TOKENS) + content[chance.choice((at, to)) :]


def noise(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    at, to = part_of(content, chance)
    return content[:at] + chance.randbytes(to - at) + content[to:]


def spliced(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    at, start = chance.randrange(len(content) + 1), chance.randrange(len(other) + 1)
    return content[:at] + other[start : start + 200] + content[at:]


def shuffled(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    return b"\n".join(chance.sample(lines, len(lines)))


def ended(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


DAMAGES = (cut, repeated, token, token, noise, spliced, shuffled, ended)


def verdict(content: bytes, options: dict[str, object], folder: Path) -> str:
    """Return what came of a file: ``"bars"`` or ``"sentence"``. Raises AssertionError for anything else."""
    path = folder / "bars.csv"
    path.write_bytes(content)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            preview_bars(path, ImportOptions(**options)).to_dict()
            reading = read_bars(path, ImportOptions(**options))
        except ResearchKitError as error:
            check_sentence(str(error))
            outcome = "sentence"
        else:
            check_reading(reading)
            outcome = "bars"
    took = time.process_time() - start
    assert took < SLOWEST, f"took {took:.1f} s"
    return outcome


def check_sentence(text: str) -> None:
    assert len(text) < LONGEST_SENTENCE, f"{len(text)} characters: {text}"
    assert text.rstrip().endswith((".", "?", "!", ")")), text
    assert "Traceback" not in text, text


def check_reading(reading: Reading) -> None:
    bars = reading.bars
    assert len(bars) == reading.quality.bars
    assert (np.diff(bars.time_ns) > 0).all()
    for name in ("open", "high", "low", "close"):
        if name in bars:
            assert np.isfinite(bars[name]).all(), name
    values = json.loads(json.dumps(reading.quality.to_dict(), allow_nan=False))
    assert QualityReport.from_dict(values) == reading.quality
    assert math.isfinite(reading.quality.data_quality_score)
    repr(reading.quality)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="of the random numbers; another each time by default")
    parser.add_argument("--seeds", type=Path, help="a folder of files to start from, besides those made here")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    chance, starts, counts = random.Random(seed), seeds(), Counter[str]()
    if arguments.seeds:
        files = [path for path in sorted(arguments.seeds.rglob("*")) if path.is_file()]
        starts += [path.read_bytes()[:SMALL] for path in files if path.stat().st_size]
    end = time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            content = damaged(chance.choice(starts), starts, chance)
            at = chance.randrange(len(OPTIONS))
            try:
                counts[verdict(content, OPTIONS[at], Path(folder))] += 1
            except Exception as error:
                counts["found"] += 1
                keep(content, at, error)
    print(f"seed {seed}: {dict(counts)}")


def keep(content: bytes, at: int, error: Exception) -> None:
    """Write what was found, once for each place that it was raised at and each beginning of what it says."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = re.sub(r"[^A-Za-z]+", "", str(error))[:12] or "nothing"
    place = f"{type(error).__name__}-{Path(last.filename).stem}-{said}"
    name = f"{place}-{at}-{sha256(content).hexdigest()[:8]}.bin"
    if not list(FOUND.glob(f"{place}-*")):
        (FOUND / name).write_bytes(content)
    print(f"{name}: {error!s:.300}", flush=True)


if __name__ == "__main__":
    main()
