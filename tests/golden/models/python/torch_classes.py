"""Modules in classes, with sizes from everywhere."""

import torch
import torch.nn.functional as F
from torch import nn

HIDDEN = 6


class Tagger(nn.Module):
    def __init__(self, vocabulary, embedding=8, hidden=HIDDEN, tags=5, layers=2, bidirectional=True):
        super().__init__()
        self.directions = 2 if bidirectional else 1
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=0)
        self.lstm = nn.LSTM(
            embedding, hidden, num_layers=layers, bidirectional=bidirectional, batch_first=True, dropout=0.1
        )
        self.dropout = nn.Dropout(0.3)
        self.tag = nn.Linear(self.directions * hidden, tags)

    def forward(self, ids):
        out, _ = self.lstm(self.embedding(ids))
        return self.tag(self.dropout(out))


class Classifier(torch.nn.Module):
    sizes = {"reads": 4, "hidden": 9}

    def __init__(self, cell="gru", classes=3):
        super(Classifier, self).__init__()
        if cell == "gru":
            self.rnn = nn.GRU(self.sizes["reads"], self.sizes["hidden"], batch_first=True)
        else:
            self.rnn = nn.LSTM(self.sizes["reads"], self.sizes["hidden"], batch_first=True)
        self.norm = nn.LayerNorm(self.sizes["hidden"])
        self.head = nn.Sequential(nn.Linear(9, 2 * HIDDEN), nn.ReLU(), nn.Linear(2 * HIDDEN, classes, bias=False))

    def forward(self, x):
        out, hidden = self.rnn(x)
        return self.head(self.norm(hidden[-1]))


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(3, 4)
        self.rnn1 = nn.RNN(4, 5, nonlinearity="relu", bias=False, batch_first=True)
        self.rnn2 = nn.RNN(5, 6, 2, batch_first=True)
        self.out = nn.Linear(6, 1)

    def forward(self, x):
        out, _ = self.rnn1(F.relu(self.project(x)))
        out2, state = self.rnn2(out)
        return self.out(out2[:, -1, :])


tagger = Tagger(vocabulary=100, tags=7)
classifier = Classifier()
regressor = Regressor()
