"""Inputs for byte targets without atheris: any bytes, and the corpus with a few changes."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.parsers import corpus_of


@st.composite
def changed(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Returns a seed after up to four changes: a part left out, doubled, replaced, or taken from another seed."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.integers(0, 12)))
        other = draw(st.sampled_from(seeds))
        place = draw(st.integers(0, len(other)))
        between = draw(
            st.sampled_from([b"", data[begin:end] * 2, other[place : place + 40]]) | st.binary(max_size=8)
        )
        data = data[:begin] + between + data[end:]
    return data


def inputs(name: str) -> st.SearchStrategy[bytes]:
    """Bytes for a target of `parsers`."""
    return st.binary(max_size=120) | changed([path.read_bytes() for path in corpus_of(name)])
